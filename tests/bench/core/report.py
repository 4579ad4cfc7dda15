"""The figures as a table for a terminal, and as Markdown for docs/performance.md."""


def _number(value):
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _wanted(ratio):
    parts = [f"at least {ratio['at_least']:g}" if ratio["at_least"] is not None else "",
             f"at most {ratio['at_most']:g}" if ratio["at_most"] is not None else ""]
    return ", ".join(part for part in parts if part)


def _verdict(ratio):
    if not _wanted(ratio):
        return ""
    return "reached" if ratio["reached"] else "NOT REACHED"


def _cells(row):
    """(median, range with the unit) or why there is none."""
    if "median" in row:
        return f"{_number(row['median'])} {row['unit']}", f"{_number(row['min'])} - {_number(row['max'])}"
    return "-", "missing: " + row["missing"] if "missing" in row else "FAILED: " + row.get("failed", "not measured")


def _group_trouble(group):
    if "missing" in group:
        return "missing: " + group["missing"]
    return "FAILED: " + group["failed"] if "failed" in group else None


def text(groups):
    lines = []
    for group in groups:
        lines.append(f"\n{group['group']}: {group['title']} ({group['seconds']:.0f} s)")
        if _group_trouble(group):
            lines.append("  " + _group_trouble(group))
        for row in group["rows"]:
            figure, spread = _cells(row)
            lines.append(f"  {row['label']:<44}{figure:>18}   {spread}")
        for ratio in group["ratios"]:
            if "median" in ratio:
                lines.append(f"  = {ratio['name']:<56}{ratio['median']:>8.2f}   {ratio['min']:.2f} - {ratio['max']:.2f}   "
                             f"{_wanted(ratio)} {_verdict(ratio)}".rstrip())
            else:
                lines.append(f"  = {ratio['name']:<56}       -   not measured")
    return "\n".join(lines).lstrip("\n")


def markdown(groups):
    lines = []
    for group in groups:
        lines += [f"\n### {group['title']}\n"]
        if _group_trouble(group):
            lines.append(_group_trouble(group) + "\n")
        if group["rows"]:
            lines += ["| variant | median | range |", "|---|---|---|"]
        for row in group["rows"]:
            figure, spread = _cells(row)
            lines.append(f"| {'**' + row['label'] + '**' if row['own'] else row['label']} | {figure} | {spread} |")
        measured = [ratio for ratio in group["ratios"] if "median" in ratio]
        if measured:
            lines += ["", "| ratio | median | range | to reach |", "|---|---|---|---|"]
        for ratio in measured:
            lines.append(f"| {ratio['name']} | {ratio['median']:.2f} | {ratio['min']:.2f} - {ratio['max']:.2f} | "
                         f"{' '.join(part for part in (_wanted(ratio), _verdict(ratio)) if part)} |")
    return "\n".join(lines).lstrip("\n")

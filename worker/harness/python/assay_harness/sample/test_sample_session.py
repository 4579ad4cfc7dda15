"""A suite that uses what suites use of pytest (pytest_rehearsal.py): more than once, for the interpreter adapts to what it has run some times."""
import pytest
from implementation import Thing, work


@pytest.fixture(params=[[2, 1], [1, 2]])
def given(request, monkeypatch):
    monkeypatch.setenv("SAMPLE", "1")
    return request.param


@pytest.fixture
def thing():
    made = Thing()
    yield made
    made.value = 0


@pytest.fixture(scope="module")
def shared():
    return Thing()


def test_given(given):
    assert work(given) == [1, 2]


@pytest.mark.parametrize("number", range(6))
def test_number(thing, number):
    assert thing.value * number in (0, 2, 4, 6, 8, 10)


@pytest.mark.parametrize("given, expected", [([1.5, 0.5], [0.5, 1.5]), ([], [])], ids=["two", "none"])
def test_parameters(given, expected, shared):
    with pytest.raises(ValueError, match="x"):
        work(1)
    assert work(given) == pytest.approx(expected) and shared.value != 1


def test_output(capsys):
    print(work([1]))
    assert capsys.readouterr().out == "[1]\n"


class TestMore:
    @pytest.fixture(autouse=True)
    def prepare(self):
        self.thing = Thing()

    def test_one(self):
        assert not self.thing.value != 2

    @pytest.mark.parametrize("key", [None, abs])
    def test_two(self, key):
        assert work([2, 1], key) == [1, 2]

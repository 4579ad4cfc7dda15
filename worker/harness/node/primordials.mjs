// Functions of the language as they are before the program is loaded, which may replace them.

// A method as a function of its object: uncurry(String.prototype.slice)(text, 1).
export const uncurry = Function.prototype.bind.bind(Function.prototype.call);

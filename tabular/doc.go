// Package tabular reads and writes tables of text: CSV with a header, as spreadsheets make and take it.
//
// # Model
//
// [Read] gives the rows of a file one by one, each with its line, its cells by the name of their column, and what is wrong with
// it. A fault ([Fault]) names file, line and column, what was found and what was expected; a file that is wrong in twenty places
// tells all twenty. [Write] makes a file.
//
// # Guarantees
//
//   - Reading is bounded: the size of a cell, of a row and the number of rows ([Limits]).
//   - A byte order mark is taken away. What is not UTF-8 (UTF-16, GBK) is refused with a sentence that says so, never read as rubbish.
//   - A cell that a spreadsheet would take for a formula (it begins with =, +, -, @, a tab or a carriage return) is written with an apostrophe before
//     it, and read back without: what is written comes back as it was.
//
// # Limits
//
// A file has a header line. Separators are comma, semicolon or tab; which one is found out from the header.
package tabular

// Facts in columns, for people. Programs read `--json` instead.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace policies::command_line {

enum class Align { Left, Right };

struct Column {
  std::string title;  // empty titles in all columns print no title line
  Align align = Align::Left;
};

// Text is UTF-8; a code point counts as one column. Control characters are printed as '?', so that what came from outside
// cannot move the cursor. When the table is wider than `width` (0: no limit), its widest left-aligned columns wrap.
class Table {
 public:
  explicit Table(std::vector<Column> columns);
  // Precondition: as many cells as columns.
  void row(std::vector<std::string> cells);
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  [[nodiscard]] std::string text(std::size_t width = 0) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

std::ostream& operator<<(std::ostream& out, const Table& table);

// `text` in lines of at most `width` columns, each after `indent` spaces and those that its paragraph begins with;
// paragraphs are kept. Ends with a newline.
std::string wrapped(std::string_view text, std::size_t width, std::size_t indent = 0);

}  // namespace policies::command_line

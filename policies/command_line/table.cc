#include "policies/command_line/table.h"

#include <algorithm>
#include <ostream>

#include "policies/vocabulary/error.h"

namespace policies::command_line {
namespace {

constexpr std::size_t gap = 2;
constexpr std::size_t narrowest_wrapped_column = 12;

bool begins_code_point(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

std::size_t columns_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_code_point));
}

std::string printable(std::string_view text) {
  std::string clean(text);
  for (char& c : clean)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  return clean;
}

// How many bytes of `text` fill `columns` columns.
std::size_t bytes_of_columns(std::string_view text, std::size_t columns) {
  std::size_t seen = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!begins_code_point(text[at])) continue;
    if (seen == columns) return at;
    ++seen;
  }
  return text.size();
}

// Breaks at spaces; a word longer than the line is cut.
std::vector<std::string> broken(std::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  while (columns_of(text) > width) {
    const std::size_t fits = bytes_of_columns(text, width);
    std::size_t cut = text.rfind(' ', fits);
    if (cut == std::string_view::npos || cut == 0) cut = fits;
    lines.emplace_back(text.substr(0, cut));
    text.remove_prefix(cut);
    while (text.starts_with(' ')) text.remove_prefix(1);
  }
  lines.emplace_back(text);
  return lines;
}

void append_line(std::string& into, const std::vector<std::string>& cells, const std::vector<Column>& columns,
                 const std::vector<std::size_t>& widths) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string padding(widths[i] - std::min(widths[i], columns_of(cells[i])), ' ');
    if (i > 0) line.append(gap, ' ');
    line += columns[i].align == Align::Right ? padding + cells[i] : cells[i] + padding;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  into += line + "\n";
}

// Takes from the widest left-aligned column, again and again, until the table fits or none can give more.
void shrink(std::vector<std::size_t>& widths, const std::vector<Column>& columns, std::size_t width) {
  const auto total = [&] {
    std::size_t sum = gap * (widths.size() - 1);
    for (std::size_t w : widths) sum += w;
    return sum;
  };
  while (total() > width) {
    std::size_t widest = widths.size();
    for (std::size_t i = 0; i < widths.size(); ++i)
      if (columns[i].align == Align::Left && widths[i] > narrowest_wrapped_column &&
          (widest == widths.size() || widths[i] > widths[widest]))
        widest = i;
    if (widest == widths.size()) return;
    --widths[widest];
  }
}

}  // namespace

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {
  policies::vocabulary::invariant(!columns_.empty(), "a table needs a column");
}

void Table::row(std::vector<std::string> cells) {
  policies::vocabulary::invariant(cells.size() == columns_.size(), "a table row needs a cell for each column");
  for (std::string& cell : cells) cell = printable(cell);
  rows_.push_back(std::move(cells));
}

std::string Table::text(std::size_t width) const {
  std::vector<std::string> titles;
  std::vector<std::size_t> widths;
  bool titled = false;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    titles.push_back(columns_[i].title);
    titled = titled || !columns_[i].title.empty();
    std::size_t widest = columns_of(columns_[i].title);
    for (const auto& cells : rows_) widest = std::max(widest, columns_of(cells[i]));
    widths.push_back(widest);
  }
  if (width > 0) shrink(widths, columns_, width);
  std::string text;
  if (titled) append_line(text, titles, columns_, widths);
  for (const auto& cells : rows_) {
    std::vector<std::vector<std::string>> parts;
    std::size_t height = 1;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      parts.push_back(columns_[i].align == Align::Left ? broken(cells[i], std::max<std::size_t>(widths[i], 1))
                                                       : std::vector<std::string>{cells[i]});
      height = std::max(height, parts.back().size());
    }
    for (std::size_t line = 0; line < height; ++line) {
      std::vector<std::string> shown;
      for (const auto& part : parts) shown.push_back(line < part.size() ? part[line] : "");
      append_line(text, shown, columns_, widths);
    }
  }
  return text;
}

std::ostream& operator<<(std::ostream& out, const Table& table) { return out << table.text(); }

std::string wrapped(std::string_view text, std::size_t width, std::size_t indent) {
  std::string result;
  while (text.ends_with('\n')) text.remove_suffix(1);
  while (true) {
    const std::size_t end = text.find('\n');
    std::string_view paragraph = text.substr(0, end);
    const std::size_t own_indent = std::min(paragraph.find_first_not_of(' '), paragraph.size());
    paragraph.remove_prefix(own_indent);
    const std::size_t used = indent + own_indent;
    const std::size_t room = width > used + narrowest_wrapped_column ? width - used : narrowest_wrapped_column;
    for (const std::string& line : broken(paragraph, room)) result += (line.empty() ? "" : std::string(used, ' ') + line) + "\n";
    if (end == std::string_view::npos) return result;
    text.remove_prefix(end + 1);
  }
}

}  // namespace policies::command_line

#include "agent/consent/console_prompt.h"

namespace agent::consent {
namespace {

constexpr std::size_t columns = 76;
constexpr int wrong_answers_max = 10;
constexpr int empty_answers_max = 3;
constexpr std::size_t line_max = 1'000;

// One line without its end and without spaces around it; nothing when the input has ended.
std::optional<std::string> line_from(std::istream& in) {
  std::string line;
  if (!std::getline(in, line)) return std::nullopt;
  if (line.size() > line_max) line.resize(line_max);
  const std::size_t first = line.find_first_not_of(" \t\r");
  if (first == std::string::npos) return std::string();
  return line.substr(first, line.find_last_not_of(" \t\r") - first + 1);
}

bool printable(char byte) { return static_cast<unsigned char>(byte) >= 0x20 && byte != 0x7F; }

std::size_t width_of(std::string_view text) {
  std::size_t width = 0;
  for (const char byte : text) width += (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U ? 1 : 0;
  return width;
}

void wrap_line(std::string_view line, std::string& out) {
  const std::size_t indent = std::min<std::size_t>(line.find_first_not_of(' '), columns / 2);
  std::string current = line.empty() ? "" : std::string(std::min(indent, line.size()), ' ');
  bool first = true;
  for (std::size_t at = 0; at < line.size();) {
    const std::size_t begin = line.find_first_not_of(' ', at);
    if (begin == std::string_view::npos) break;
    const std::size_t end = std::min(line.find(' ', begin), line.size());
    // Spaces between the words of one line are kept: tables are made of them.
    const std::string gap = first ? "" : std::string(begin - at, ' ');
    const std::string_view word = line.substr(begin, end - begin);
    if (!first && width_of(current) + gap.size() + width_of(word) > columns) {
      out += current + "\n";
      current = std::string(std::min(indent, columns / 2), ' ');
    } else {
      current += gap;
    }
    current += word;
    first = false;
    at = end;
  }
  while (width_of(current) > columns) {  // a single word that is longer than a line
    std::size_t cut = 0;
    for (std::size_t width = 0; cut < current.size(); ++cut) {
      const bool starts = (static_cast<unsigned char>(current[cut]) & 0xC0U) != 0x80U;
      if (starts && ++width > columns) break;
    }
    out += current.substr(0, cut) + "\n";
    current.erase(0, cut);
  }
  out += current + "\n";
}

}  // namespace

std::string wrapped(std::string_view text) {
  std::string out;
  std::string line;
  const auto finish = [&] {
    wrap_line(line, out);
    line.clear();
  };
  for (const char byte : text) {
    if (byte == '\n') {
      finish();
    } else if (byte == '\t') {
      line += ' ';
    } else if (printable(byte)) {
      line += byte;
    }
  }
  if (!line.empty()) finish();
  return out;
}

std::optional<Answer> ask_on_console(std::string_view text, std::string_view question, std::istream& in,
                                     std::ostream& out) {
  out << wrapped(text) << "\n";
  int empty = 0;
  for (int asked = 0; asked < wrong_answers_max && empty < empty_answers_max; ++asked) {
    out << wrapped(question) << "\n  1  Accept\n  2  Decline\n\nType 1 or 2, then Enter: " << std::flush;
    const std::optional<std::string> line = line_from(in);
    if (!line) break;
    out << "\n";
    if (*line != "1" && *line != "2") {
      empty = line->empty() ? empty + 1 : 0;
      continue;
    }
    Answer answer{.choice = *line == "1" ? contract::Choice::Accepted : contract::Choice::Declined, .name = {}};
    out << "You chose to " << (*line == "1" ? "accept" : "decline")
        << ". Type your name, or nothing, then Enter: " << std::flush;
    const std::optional<std::string> name = line_from(in);
    if (!name) break;
    for (const char byte : *name) {
      if (printable(byte) && answer.name.size() < 200) answer.name += byte;
    }
    out << "\n";
    return answer;
  }
  out << "\nNot answered. Nothing was recorded.\n" << std::flush;
  return std::nullopt;
}

}  // namespace agent::consent

#include "provision/label/label.h"

#include <fmt/format.h>

#include <algorithm>

#include "provision/label/qr_code.h"

namespace provision::label {
namespace {

constexpr double margin_mm = 4;
constexpr double code_side_mm = 34;
constexpr std::uint32_t quiet_modules = 4;  // ISO/IEC 18004 7.3.8
constexpr double line_mm = 3;
constexpr double title_mm = 2.9;
constexpr double text_mm = 2.4;
constexpr double column_mm = label_width_mm - code_side_mm - 1.75 * margin_mm;

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&': result += "&amp;"; break;
      case '<': result += "&lt;"; break;
      case '>': result += "&gt;"; break;
      case '"': result += "&quot;"; break;
      case '\'': result += "&#39;"; break;
      default: result += c;
    }
  }
  return result;
}

// Of RFC 3986's unreserved characters nothing is changed; all else is percent-encoded.
std::string in_url(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || std::string_view("-._~").find(c) != std::string_view::npos;
    result += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return result;
}

// The next character of UTF-8; at least one byte.
std::string_view first_character(std::string_view text) {
  std::size_t size = 1;
  while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) ++size;
  return text.substr(0, size);
}

// How wide a text is at most in common sans-serif faces, in units of its size: measured on the widest of them, DejaVu Sans.
double width_of(std::string_view text) {
  double width = 0;
  while (!text.empty()) {
    const std::string_view character = first_character(text);
    text.remove_prefix(character.size());
    const char c = character.size() == 1 ? character[0] : 'W';
    if (std::string_view("WMmw@%&").find(c) != std::string_view::npos)
      width += 1.0;
    else if (std::string_view("iljtfr.,:;'!|() ").find(c) != std::string_view::npos)
      width += 0.42;
    else
      width += (c >= 'A' && c <= 'Z') ? 0.79 : 0.64;
  }
  return width;
}

// Breaks at blanks; a word wider than a line is cut, between characters.
std::vector<std::string> wrapped(std::string_view text, double width) {
  std::vector<std::string> lines;
  std::string line;
  const auto flush = [&] {
    if (!line.empty()) lines.push_back(std::exchange(line, {}));
  };
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && width_of(line) + width_of(" ") + width_of(word) <= width) line += ' ';
    else flush();
    for (; !word.empty(); word.remove_prefix(first_character(word).size())) {
      if (width_of(line) + width_of(first_character(word)) > width) flush();
      line += first_character(word);
    }
  }
  flush();
  return lines;
}

// Dark modules of a row that touch are one rectangle: printers leave hairlines between single ones.
std::string code_path(const QrCode& code) {
  std::string path;
  for (std::uint32_t row = 0; row < code.size; ++row)
    for (std::uint32_t column = 0; column < code.size;) {
      std::uint32_t end = column;
      while (end < code.size && code.is_dark(row, end)) ++end;
      if (end > column) path += fmt::format("M{} {}h{}v1h-{}z", column + quiet_modules, row + quiet_modules, end - column, end - column);
      column = std::max(end, column + 1);
    }
  return path;
}

struct Line {
  std::string text;
  double size_mm;
};

std::vector<Line> lines_of(const LabelFacts& facts) {
  std::vector<Line> lines = {{"This computer furnishes resources", title_mm}};
  for (const std::string& sentence : {"Part of its disk, and of its processor in agreed hours, is leased by its owner to " + facts.receiver + ".",
                                      "To ask, or to end it at any time: " + facts.contact, std::string("On it: leaseback-agent status, pause, resume")})
    for (std::string& text : wrapped(sentence, column_mm / text_mm)) lines.push_back({std::move(text), text_mm});
  return lines;
}

// The drawing itself, without the document around it.
Result<std::string> drawing(const LabelFacts& facts, std::string_view attributes) {
  const auto code = qr_code(code_text(facts));
  if (!code) return code.error();
  const std::uint32_t side = code->size + 2 * quiet_modules;
  std::string text = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\"{} width=\"{}mm\" height=\"{}mm\" viewBox=\"0 0 {} {}\">\n<title>{}</title>\n"
      "<rect x=\"0.2\" y=\"0.2\" width=\"{}\" height=\"{}\" rx=\"2\" fill=\"#fff\" stroke=\"#000\" stroke-width=\"0.3\"/>\n",
      attributes, label_width_mm, label_height_mm, label_width_mm, label_height_mm, escaped("Leased resources: " + facts.serial), label_width_mm - 0.4,
      label_height_mm - 0.4);
  text += fmt::format("<svg x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" viewBox=\"0 0 {} {}\" shape-rendering=\"crispEdges\"><path d=\"{}\"/></svg>\n", margin_mm / 2,
                      margin_mm / 2, code_side_mm, code_side_mm, side, side, code_path(*code));
  double y = margin_mm + 2;
  for (const Line& line : lines_of(facts)) {
    text += fmt::format("<text x=\"{}\" y=\"{:.1f}\" font-family=\"sans-serif\" font-size=\"{}\"{}>{}</text>\n", code_side_mm + margin_mm, y, line.size_mm,
                        line.size_mm == title_mm ? " font-weight=\"bold\"" : "", escaped(line.text));
    y += line_mm;
  }
  // Names as long as an order may have them are written smaller, not over the frame.
  const auto below = [&](double at, double size, const std::string& family, const std::string& words) {
    const double fitting = std::min(size, (label_width_mm - 2 * margin_mm) / std::max(width_of(words), 1.0));
    text += fmt::format("<text x=\"{}\" y=\"{}\" font-family=\"{}\" font-size=\"{:.2f}\">{}</text>\n", margin_mm, at, family, fitting, escaped(words));
  };
  below(label_height_mm - 12, 4.2, "monospace", facts.serial);
  below(label_height_mm - 8, 2.4, "sans-serif", facts.model + ", order " + facts.order);
  below(label_height_mm - 4, 2.1, "monospace", facts.machine.empty() ? "machine id: see leaseback-agent status" : facts.machine);
  return text + "</svg>\n";
}

Done check_text(std::string_view what, std::string_view text, std::size_t size_max) {
  const bool printable = std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; });
  if (!text.empty() && text.size() <= size_max && printable) return {};
  return Error{ErrorCode::InvalidInput, fmt::format("the label's {} must be 1 to {} bytes on one line", what, size_max), {}};
}

}  // namespace

Result<LabelFacts> facts_of(const order::Work& work) {
  if (work.agent == order::AgentChoice::None)
    return Error{ErrorCode::Refused, fmt::format("order {} declined: its machine furnishes nothing and bears no label", work.order.text), {}};
  return LabelFacts{work.serial, {}, work.order.text, work.model, {}, {}, {}};
}

LabelFacts facts_of(const agent::contract::Voucher& voucher) {
  return {voucher.serial, voucher.machine.text, voucher.order.text, voucher.model, {}, {}, {}};
}

Done check(const LabelFacts& facts) {
  constexpr std::size_t receiver_max = 60;
  constexpr std::size_t contact_max = 80;
  constexpr std::size_t link_max = 200;
  for (const auto& [what, text, size_max] :
       {std::tuple<std::string_view, const std::string&, std::size_t>{"serial", facts.serial, 32}, {"order", facts.order, 100}, {"model", facts.model, 64},
        {"receiver", facts.receiver, receiver_max}, {"contact", facts.contact, contact_max}})
    if (Done checked = check_text(what, text, size_max); !checked) return checked;
  const bool is_id = facts.machine.size() == 64 && facts.machine.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!facts.machine.empty() && !is_id) return Error{ErrorCode::InvalidInput, "the label's machine id must be 64 hexadecimal digits", {}};
  if (facts.link.empty()) return {};
  const bool plain = std::all_of(facts.link.begin(), facts.link.end(), [](char c) { return c > ' ' && c <= '~' && c != '"' && c != '<' && c != '>' && c != '#' && c != '?'; });
  if (facts.link.starts_with("https://") && facts.link.size() > 8 && facts.link.size() <= link_max && plain) return {};
  return Error{ErrorCode::InvalidInput, fmt::format("the label's link must be https://HOST/PATH without '?' and '#', at most {} bytes", link_max), {}};
}

std::string code_text(const LabelFacts& facts) {
  std::string text = (facts.link.empty() ? "leaseback:machine" : facts.link) + "?serial=" + in_url(facts.serial);
  if (!facts.machine.empty()) text += "&machine=" + facts.machine;
  return text;
}

Result<std::string> svg(const LabelFacts& facts) {
  auto drawn = drawing(facts, " version=\"1.1\"");
  if (!drawn) return drawn.error();
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + *drawn;
}

Result<std::string> page(const LabelFacts& facts) {
  auto drawn = drawing(facts, "");
  if (!drawn) return drawn.error();
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{}</title>\n"
      "<style>@page {{ size: A4; margin: 15mm }} body {{ margin: 0; font: 3.5mm sans-serif }} svg {{ display: block }} p {{ width: {}mm }} "
      "@media print {{ p {{ color: #000 }} }}</style>\n</head>\n<body>\n{}<p>Print at 100 % (no \"fit to page\"): the label is {} × {} mm.</p>\n</body>\n</html>\n",
      escaped("Label of " + facts.serial), label_width_mm, *drawn, label_width_mm, label_height_mm);
}

}  // namespace provision::label

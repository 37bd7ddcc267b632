#include "provision/cli/layout_picture.h"

#include <fmt/format.h>

#include <algorithm>

namespace provision::cli {
using namespace policies::vocabulary;
namespace {

constexpr double picture_width = 960;
constexpr double margin = 20;
constexpr double bar_width = picture_width - 2 * margin;
constexpr double bar_top = 56;
constexpr double bar_height = 96;
constexpr double part_width_min = 26;  // a two-digit number fits
constexpr double letter_width = 7.2;   // of 12 units of a sans serif, generously
constexpr double line_height = 20;
constexpr Bytes gap_min = mebibytes(8);  // smaller ones are alignment, told in the notes

struct Part {
  const disk::PlannedPartition* partition = nullptr;  // nullptr: unused
  Bytes start;
  Bytes size;
  double width = 0;
};

std::vector<Part> parts_of(const disk::DiskPlan& plan) {
  std::vector<Part> parts;
  Bytes at;
  const auto unused_until = [&](Bytes end) {
    if (end > at + gap_min) parts.push_back({nullptr, at, end - at});
  };
  for (const disk::PlannedPartition& partition : plan.partitions) {
    unused_until(partition.extent.start);
    parts.push_back({&partition, partition.extent.start, partition.extent.size});
    at = partition.extent.end();
  }
  unused_until(plan.disk_size);
  return parts;
}

// True shares; what the smallest need beyond theirs is taken from the others, in proportion to what these can spare.
void set_widths(std::vector<Part>& parts) {
  double total = 0;
  for (const Part& part : parts) total += static_cast<double>(part.size.count);
  double needed = 0;
  double spare = 0;
  for (Part& part : parts) {
    part.width = total == 0 ? 0 : static_cast<double>(part.size.count) / total * bar_width;
    (part.width < part_width_min ? needed : spare) += std::abs(part.width - part_width_min);
  }
  const double taken = spare == 0 ? 0 : std::min(1.0, needed / spare);
  for (Part& part : parts)
    part.width = part.width < part_width_min ? part_width_min : part.width - (part.width - part_width_min) * taken;
}

std::string_view fill_of(const Part& part) {
  if (part.partition == nullptr) return "#ffffff";
  switch (part.partition->role) {
    case disk::Role::Esp: return "#c9c9c9";
    case disk::Role::System: return "#9ecae1";
    case disk::Role::Customer: return "#a1d99b";
    case disk::Role::Lease: return "url(#lease)";
    case disk::Role::Other: break;
  }
  return "#e3d5b8";
}

std::string name_of(const Part& part) {
  if (part.partition == nullptr) return "unused";
  return part.partition->name.empty() ? std::string(disk::name_of(part.partition->role)) : part.partition->name;
}

std::string content_of(const Part& part) {
  if (part.partition == nullptr) return "";
  switch (part.partition->content) {
    case disk::Content::FatEsp: return "FAT32";
    case disk::Content::Image:
    case disk::Content::Ext4: return "ext4";
    case disk::Content::SealedLease: return "LUKS2, hidden, not mounted";
    case disk::Content::Kept: break;
  }
  return "kept as it is";
}

std::string line(double x, double y, std::string_view attributes, std::string_view text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\"{}{}>{}</text>\n", x, y, attributes.empty() ? "" : " ", attributes, xml_text(text));
}

std::string bar_of(const std::vector<Part>& parts) {
  std::string svg;
  double x = margin;
  for (const Part& part : parts) {
    const std::string number = part.partition == nullptr ? "" : std::to_string(part.partition->number);
    const std::string name = part.partition == nullptr ? name_of(part) : number + " " + name_of(part);
    const double middle = x + part.width / 2;
    svg += fmt::format("<g><title>{}</title><rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"{}\" stroke=\"#333\"/>\n",
                       xml_text(fmt::format("{}: {} at {}", name, part.size.text(), part.start.text())), x, bar_top, part.width, bar_height,
                       fill_of(part));
    const auto fits = [&](const std::string& text) { return static_cast<double>(text.size()) * letter_width < part.width - 8; };
    const bool named = fits(name);
    if (named || !number.empty()) svg += line(middle, bar_top + bar_height / 2 - 2, "class=\"name\"", named ? name : number);
    if (named && fits(part.size.text())) svg += line(middle, bar_top + bar_height / 2 + 16, "class=\"size\"", part.size.text());
    svg += "</g>\n";
    x += part.width;
  }
  return svg;
}

constexpr std::string_view head =
    "<defs><pattern id=\"lease\" width=\"10\" height=\"10\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">"
    "<rect width=\"10\" height=\"10\" fill=\"#fdd0a2\"/><rect width=\"4\" height=\"10\" fill=\"#e6803c\"/></pattern></defs>\n"
    "<style>text{font:12px sans-serif;fill:#111}.title{font-size:16px;font-weight:bold}"
    ".name,.size{text-anchor:middle;paint-order:stroke;stroke:#fff;stroke-width:3px}.name{font-weight:bold}.gone{fill:#a00}</style>\n";

}  // namespace

std::string xml_text(std::string_view text) {
  constexpr std::string_view replacement = "\xEF\xBF\xBD";
  std::string escaped;
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t length = byte < 0x80 ? 1 : byte >= 0xC2 && byte < 0xE0 ? 2 : byte >= 0xE0 && byte < 0xF0 ? 3 : byte >= 0xF0 && byte < 0xF5 ? 4 : 0;
    std::uint32_t point = length <= 1 ? byte : byte & (0xFFU >> (length + 1));
    bool whole = length > 0 && i + length <= text.size();
    for (std::size_t k = 1; whole && k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      whole = (next & 0xC0U) == 0x80;
      point = point << 6 | (next & 0x3FU);
    }
    const bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
    const bool allowed = point == '\t' || point == '\n' || (point >= 0x20 && point < 0xD800) || (point >= 0xE000 && point < 0xFFFE) ||
                         (point >= 0x10000 && point < 0x110000);
    if (!whole || overlong || !allowed || point == 0x7F) {
      escaped += replacement;
      i += whole ? length : 1;
      continue;
    }
    switch (text[i]) {
      case '&': escaped += "&amp;"; break;
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;
      case '"': escaped += "&quot;"; break;
      case '\'': escaped += "&#39;"; break;
      default: escaped += text.substr(i, length);
    }
    i += length;
  }
  return escaped;
}

std::string layout_picture(const disk::DiskPlan& plan, const std::vector<std::string>& deletions) {
  std::vector<Part> parts = parts_of(plan);
  set_widths(parts);
  const std::string title = fmt::format("{} {}{}{}", plan.path, plan.disk_size.text(), plan.serial.empty() ? "" : ", serial ", plan.serial);
  std::string lines;
  double y = bar_top + bar_height + 2 * line_height;
  for (const Part& part : parts) {
    lines += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"14\" height=\"14\" fill=\"{}\" stroke=\"#333\"/>\n", margin, y - 12, fill_of(part));
    const std::string number = part.partition == nullptr ? "" : fmt::format("{} ", part.partition->number);
    lines += line(margin + 24, y, "", number + name_of(part));
    lines += line(margin + 300, y, "", part.size.text());
    lines += line(margin + 420, y, "", "at " + part.start.text());
    lines += line(margin + 560, y, "", content_of(part));
    y += line_height;
  }
  for (const std::string& note : plan.notes) lines += line(margin, y += line_height, "", note);
  for (const std::string& deletion : deletions) lines += line(margin, y += line_height, "class=\"gone\"", "deletes " + deletion);
  const double height = y + 2 * line_height;
  return fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
                     "viewBox=\"0 0 {0:.0f} {1:.0f}\" role=\"img\">\n<title>{2}</title>\n{3}<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
                     picture_width, height, xml_text(title), head) +
         line(margin, 34, "class=\"title\"", title) + bar_of(parts) + lines + "</svg>\n";
}

}  // namespace provision::cli

#include "provision/line/display.h"

#include <fmt/format.h>

#include <algorithm>

#include "policies/vocabulary/json_text.h"

namespace provision::line {
namespace {

constexpr Duration redraw_after{100};
constexpr std::size_t drawn_max = 20;  // disks at once; the rest are counted

std::string seconds_of(Duration duration) {
  const auto tenths = duration.count() / 100;
  if (duration < std::chrono::minutes(1)) return fmt::format("{}.{} s", tenths / 10, tenths % 10);
  return fmt::format("{}:{:02} min", tenths / 600, tenths / 10 % 60);
}

std::string mebibytes_of(double bytes) { return fmt::format("{:.1f} MiB", bytes / (1024.0 * 1024.0)); }

// What came from outside must not move the cursor.
std::string cut_to(std::string text, std::size_t width) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  if (text.size() > width) {
    text.resize(width);
    // Not within a character of UTF-8.
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0) == 0x80) text.pop_back();
    if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xC0) text.pop_back();
  }
  return text;
}

std::string counts_text(const LineCounts& counts) {
  std::string text = fmt::format("{} finished", counts.finished);
  if (counts.unchanged != 0) text += fmt::format(", {} unchanged", counts.unchanged);
  if (counts.failed != 0) text += fmt::format(", {} failed", counts.failed);
  if (counts.running != 0) text += fmt::format(", {} at work", counts.running);
  if (counts.waiting != 0) text += fmt::format(", {} waiting", counts.waiting);
  return text;
}

std::string how_far(const DiskProgress& disk) {
  if (disk.all.count == 0) return {};
  std::string text = fmt::format("  {} of {}", mebibytes_of(static_cast<double>(disk.moved.count)), mebibytes_of(static_cast<double>(disk.all.count)));
  if (disk.rate > 0) text += fmt::format("  {}/s", mebibytes_of(disk.rate));
  if (disk.left) text += "  " + seconds_of(*disk.left) + " left";
  return text;
}

std::string ended_text(const DiskProgress& disk) {
  if (disk.state == DiskState::Failed) return "failed: " + disk.reason;
  return disk.state == DiskState::Unchanged ? "no changes" : "finished in " + seconds_of(disk.took);
}

}  // namespace

std::string picture_of(const LineState& line, std::size_t width, Instant now) {
  width = std::clamp<std::size_t>(width, 40, 400);
  std::string text = cut_to(fmt::format("{} disks: {}", line.disks().size(), counts_text(line.counts())), width) + "\n";
  std::size_t shown = 0;
  for (const DiskProgress& disk : line.disks()) {
    if (disk.state != DiskState::Running && disk.state != DiskState::Failed) continue;
    if (++shown > drawn_max) break;
    const std::string what = disk.state == DiskState::Failed
                                 ? ended_text(disk)
                                 : disk.step + how_far(disk) + "  (" + seconds_of(now - disk.began) + ")";
    text += cut_to(fmt::format("  {:<20} {}", disk.item.disk, what), width) + "\n";
  }
  return text;
}

std::string summary_of(const LineState& line) {
  std::string text = counts_text(line.counts()) + "\n";
  for (const DiskProgress& disk : line.disks())
    if (disk.state == DiskState::Failed) text += cut_to(fmt::format("{} ({}): {}", disk.item.disk, disk.item.order, disk.reason), 2000) + "\n";
  return text;
}

void DrawnLine::changed(const LineState& line, std::size_t disk, const run::RunEvent*, Instant now) {
  const bool ended = line.disks()[disk].state != DiskState::Running;
  if (ended || drawn_ == 0 || now - drawn_at_ >= redraw_after) draw(line, now);
}

void DrawnLine::waited(const LineState& line, Instant now) { draw(line, now); }

void DrawnLine::draw(const LineState& line, Instant now) {
  const std::string picture = picture_of(line, width_, now);
  std::string text = drawn_ == 0 ? std::string() : fmt::format("\x1b[{}A", drawn_);
  for (std::size_t at = 0; at < picture.size();) {
    const std::size_t end = picture.find('\n', at);
    text += picture.substr(at, end - at) + "\x1b[K\n";
    at = end + 1;
  }
  write_(text + "\x1b[J");
  drawn_ = static_cast<std::size_t>(std::count(picture.begin(), picture.end(), '\n'));
  drawn_at_ = now;
}

void PlainLine::changed(const LineState& line, std::size_t disk, const run::RunEvent* event, Instant) {
  const DiskProgress& one = line.disks()[disk];
  if (event != nullptr && event->kind == run::RunEventKind::Moved) return;
  if (event != nullptr && event->kind == run::RunEventKind::Note) return write_(cut_to(one.item.disk + ": " + event->text, 2000) + "\n");
  if (one.state == DiskState::Running) return write_(cut_to(one.item.disk + ": " + one.step, 2000) + "\n");
  const LineCounts counts = line.counts();
  write_(cut_to(fmt::format("{}: {} ({} of {} ended)", one.item.disk, ended_text(one), counts.finished + counts.unchanged + counts.failed,
                            line.disks().size()), 2000) + "\n");
}

void EventLine::changed(const LineState& line, std::size_t disk, const run::RunEvent* event, Instant now) {
  const DiskProgress& one = line.disks()[disk];
  JsonText json;
  json.object().key("at").instant(now).key("disk").text(one.item.disk).key("order").text(one.item.order).key("state").text(name_of(one.state));
  if (one.state == DiskState::Running) {
    json.key("step").text(one.step).key("done_bytes").bytes(one.moved).key("all_bytes").bytes(one.all);
    json.key("bytes_per_second").number(static_cast<std::int64_t>(one.rate));
    json.key("left_milliseconds");
    one.left ? json.number(one.left->count()) : json.null();
    if (event != nullptr && event->kind == run::RunEventKind::Note) json.key("note").text(event->text);
  } else {
    json.key("machine").text(one.machine).key("cause").text(one.cause).key("reason").text(one.reason);
    json.key("took_milliseconds").number(one.took.count());
  }
  write_(json.end().finished() + "\n");
}

}  // namespace provision::line

// The line as people and programs see it.
#pragma once

#include <functional>
#include <string>

#include "provision/line/line_run.h"

namespace provision::line {

// One line for the whole, then one for each disk at work: disk, step, bytes, rate, time left; and those that failed. Each at most
// `width` columns (40 to 400), ending in a newline. Control characters become '?'.
std::string picture_of(const LineState& line, std::size_t width, Instant now);

// "3 finished, 1 unchanged, 1 failed" and, for each failure, its disk and reason.
std::string summary_of(const LineState& line);

using Write = std::function<void(const std::string&)>;

// The picture, drawn over itself, at most ten times a second. For terminals that know ECMA-48.
class DrawnLine final : public LineWatcher {
 public:
  DrawnLine(Write write, std::size_t width) : write_(std::move(write)), width_(width) {}
  void changed(const LineState& line, std::size_t disk, const run::RunEvent* event, Instant now) override;
  void waited(const LineState& line, Instant now) override;

 private:
  void draw(const LineState& line, Instant now);
  Write write_;
  std::size_t width_;
  std::size_t drawn_ = 0;
  Instant drawn_at_;
};

// One plain line for each step begun and each disk ended, for logs.
class PlainLine final : public LineWatcher {
 public:
  explicit PlainLine(Write write) : write_(std::move(write)) {}
  void changed(const LineState& line, std::size_t disk, const run::RunEvent* event, Instant now) override;

 private:
  Write write_;
};

// Every event as one line of JSON, with the disk and the order it concerns.
class EventLine final : public LineWatcher {
 public:
  explicit EventLine(Write write) : write_(std::move(write)) {}
  void changed(const LineState& line, std::size_t disk, const run::RunEvent* event, Instant now) override;

 private:
  Write write_;
};

}  // namespace provision::line

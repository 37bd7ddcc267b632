#include "images/files/stepped_clock.h"

#include <sys/stat.h>

#include <array>
#include <charconv>
#include <cmath>
#include <mutex>
#include <tuple>

#include "images/files/posix_files.h"

namespace images::files {
using policies::vocabulary::text_of;

namespace {

constexpr double rate_max = 1'000'000.0;
constexpr Bytes setting_size_max{256};
constexpr Instant last_shown = std::chrono::sys_days(std::chrono::year(9999) / 12 / 31);

bool lawful(double rate) { return std::isfinite(rate) && rate >= 0.0 && rate <= rate_max; }

// What changes whenever the file is replaced or written.
using Version = std::tuple<dev_t, ino_t, off_t, time_t, long>;

std::optional<Version> version_of(const std::string& path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0) return std::nullopt;
  return Version(facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec);
}

Result<ClockSetting> read_setting(const std::string& path) {
  PosixFiles files;
  const Result<std::string> text = files.read(path, setting_size_max);
  if (!text) return text.error().within("reading the clock file");
  Result<ClockSetting> setting = clock_setting_from(*text);
  if (!setting) return setting.error().within("reading the clock file " + path);
  return setting;
}

}  // namespace

Result<ClockSetting> clock_setting_from(std::string_view text) {
  const Error bad{
      ErrorCode::InvalidInput,
      "a clock file is one line such as '2026-11-21T08:00:00Z 2027-01-31T22:00:00Z 60' (real instant, shown "
      "instant, rate from 0 to 1000000)",
      {}};
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  const std::size_t first = text.find(' ');
  const std::size_t second = first == std::string_view::npos ? first : text.find(' ', first + 1);
  if (second == std::string_view::npos) return bad;
  const Result<Instant> real = instant_from(text.substr(0, first));
  const Result<Instant> shown = instant_from(text.substr(first + 1, second - first - 1));
  if (!real || !shown) return bad;
  const std::string_view number = text.substr(second + 1);
  double rate = 0.0;
  const auto [end, failed] = std::from_chars(number.data(), number.data() + number.size(), rate);
  if (failed != std::errc{} || end != number.data() + number.size() || !lawful(rate)) return bad;
  return ClockSetting{*real, *shown, rate};
}

std::string text_of(const ClockSetting& setting) {
  std::array<char, 64> digits{};
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), setting.rate);
  return text_of(setting.real) + " " + text_of(setting.shown) + " " + std::string(digits.data(), written.ptr) + "\n";
}

Instant shown_at(const ClockSetting& setting, Instant real) {
  const double passed = std::floor(static_cast<double>((real - setting.real).count()) * setting.rate);
  const double room = static_cast<double>((last_shown - setting.shown).count());
  if (passed >= room) return last_shown;
  const double floor = -static_cast<double>(setting.shown.time_since_epoch().count());
  return setting.shown + Duration(static_cast<Duration::rep>(std::max(passed, floor)));
}

Done set_stepped_clock(Files& files, const Clock& real, const std::string& path, Instant shown, double rate) {
  if (!lawful(rate))
    return Error{ErrorCode::InvalidInput, "the rate of a clock is from 0 to 1000000, not " + std::to_string(rate), {}};
  return files.replace(path, text_of(ClockSetting{real.now(), shown, rate}), Access::Everyone);
}

struct SteppedClock::State {
  std::string path;
  const Clock& real;
  std::mutex mutex;
  std::optional<Version> version;
  ClockSetting setting;
};

Result<std::unique_ptr<SteppedClock>> SteppedClock::open(const std::string& path, const Clock& real) {
  // The version is taken before the bytes: a change in between is then seen as a change at the next look.
  const std::optional<Version> version = version_of(path);
  const Result<ClockSetting> setting = read_setting(path);
  if (!setting) return setting.error();
  std::unique_ptr<State> state(new State{path, real, {}, version, *setting});
  return std::unique_ptr<SteppedClock>(new SteppedClock(std::move(state)));
}

SteppedClock::SteppedClock(std::unique_ptr<State> state) : state_(std::move(state)) {}
SteppedClock::~SteppedClock() = default;

Instant SteppedClock::now() const {
  const std::lock_guard lock(state_->mutex);
  if (const std::optional<Version> version = version_of(state_->path); version && version != state_->version) {
    if (const Result<ClockSetting> setting = read_setting(state_->path)) {
      state_->setting = *setting;
      state_->version = version;
    }
  }
  return shown_at(state_->setting, state_->real.now());
}

}  // namespace images::files

#include "policies/loading/hardware_text.h"

#include <charconv>
#include <cmath>

namespace policies::loading {
namespace {

constexpr std::int64_t megahertz_max = 100'000;

template <typename Kind>
std::uint64_t number(Kind kind) {
  return static_cast<std::uint64_t>(kind);
}

}  // namespace

Result<std::int64_t> megahertz_from(std::string_view text) {
  const Error bad{ErrorCode::InvalidInput, "'" + std::string(text.substr(0, 60)) + "' is not a speed such as '750 MHz' or '2.4 GHz', 1 MHz to 100 GHz", {}};
  double number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (failure != std::errc{}) return bad;
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  if (unit != " MHz" && unit != " GHz") return bad;
  const double megahertz = unit == " GHz" ? number * 1000 : number;
  // 2.4 GHz is not exact in binary; a thousandth of a MHz is the tolerance of the text, not of the machine.
  if (!(megahertz >= 1) || megahertz > megahertz_max || std::fabs(megahertz - std::round(megahertz)) > 0.001) return bad;
  return static_cast<std::int64_t>(std::llround(megahertz));
}

std::uint64_t read_amount(Section& section, std::string_view key, terms::Component component) {
  switch (component) {
    case terms::Component::Disk: return section.bytes(key, {Bytes{1'000'000'000}, Bytes{1'000'000'000'000'000}}).count;
    case terms::Component::Processor: return static_cast<std::uint64_t>(section.read(key, megahertz_from));
    case terms::Component::Memory: return section.bytes(key, {Bytes{16'000'000}, Bytes{16'000'000'000'000}}).count;
    case terms::Component::Modem:
      return section.one_of<std::uint64_t>(key, {{"none", 0}, {"telephone", number(terms::Modem::Telephone)}, {"cellular", number(terms::Modem::Cellular)}});
    case terms::Component::BackupPower:
      return section.one_of<std::uint64_t>(key, {{"none", 0}, {"battery", number(terms::BackupPower::Battery)}, {"ups", number(terms::BackupPower::Ups)}});
  }
  std::abort();
}

terms::Hardware hardware_from(Section& section) {
  terms::Hardware hardware;
  for (const terms::Component component : {terms::Component::Disk, terms::Component::Processor, terms::Component::Memory})
    set_amount(hardware, component, read_amount(section, name_of(component), component));
  if (section.has("modem")) set_amount(hardware, terms::Component::Modem, read_amount(section, "modem", terms::Component::Modem));
  if (section.has("backup_power"))
    set_amount(hardware, terms::Component::BackupPower, read_amount(section, "backup_power", terms::Component::BackupPower));
  return hardware;
}

}  // namespace policies::loading

#include "policies/terms/hardware.h"

#include <cstdlib>

namespace policies::terms {

std::string_view name_of(Component component) {
  switch (component) {
    case Component::Disk: return "disk";
    case Component::Processor: return "processor";
    case Component::Memory: return "memory";
    case Component::Modem: return "modem";
    case Component::BackupPower: return "backup-power";
  }
  std::abort();
}

std::string_view name_of(Modem modem) {
  switch (modem) {
    case Modem::None: return "none";
    case Modem::Telephone: return "telephone";
    case Modem::Cellular: return "cellular";
  }
  std::abort();
}

std::string_view name_of(BackupPower power) {
  switch (power) {
    case BackupPower::None: return "none";
    case BackupPower::Battery: return "battery";
    case BackupPower::Ups: return "ups";
  }
  std::abort();
}

std::uint64_t amount_of(const Hardware& hardware, Component component) {
  switch (component) {
    case Component::Disk: return hardware.disk.count;
    case Component::Processor: return static_cast<std::uint64_t>(hardware.processor_mhz);
    case Component::Memory: return hardware.memory.count;
    case Component::Modem: return static_cast<std::uint64_t>(hardware.modem);
    case Component::BackupPower: return static_cast<std::uint64_t>(hardware.backup_power);
  }
  std::abort();
}

void set_amount(Hardware& hardware, Component component, std::uint64_t amount) {
  switch (component) {
    case Component::Disk: hardware.disk = Bytes{amount}; return;
    case Component::Processor: hardware.processor_mhz = static_cast<std::int64_t>(amount); return;
    case Component::Memory: hardware.memory = Bytes{amount}; return;
    case Component::Modem: hardware.modem = static_cast<Modem>(amount); return;
    case Component::BackupPower: hardware.backup_power = static_cast<BackupPower>(amount); return;
  }
  std::abort();
}

std::string amount_text(Component component, std::uint64_t amount) {
  if (component == Component::Modem) return std::string(name_of(static_cast<Modem>(amount)));
  if (component == Component::BackupPower) return std::string(name_of(static_cast<BackupPower>(amount)));
  if (component != Component::Processor) return Bytes{amount}.text();
  if (amount >= 1000 && amount % 100 == 0) {
    const std::string tenths = amount % 1000 == 0 ? "" : "." + std::to_string(amount % 1000 / 100);
    return std::to_string(amount / 1000) + tenths + " GHz";
  }
  return std::to_string(amount) + " MHz";
}

}  // namespace policies::terms

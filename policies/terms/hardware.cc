#include "policies/terms/hardware.h"

#include <cstdlib>

namespace policies::terms {

std::string_view name_of(Component component) {
  switch (component) {
    case Component::Disk: return "disk";
    case Component::Processor: return "processor";
    case Component::Memory: return "memory";
  }
  std::abort();
}

std::uint64_t amount_of(const Hardware& hardware, Component component) {
  switch (component) {
    case Component::Disk: return hardware.disk.count;
    case Component::Processor: return static_cast<std::uint64_t>(hardware.processor_mhz);
    case Component::Memory: return hardware.memory.count;
  }
  std::abort();
}

std::string amount_text(Component component, std::uint64_t amount) {
  if (component != Component::Processor) return Bytes{amount}.text();
  if (amount >= 1000 && amount % 100 == 0) {
    const std::string tenths = amount % 1000 == 0 ? "" : "." + std::to_string(amount % 1000 / 100);
    return std::to_string(amount / 1000) + tenths + " GHz";
  }
  return std::to_string(amount) + " MHz";
}

}  // namespace policies::terms

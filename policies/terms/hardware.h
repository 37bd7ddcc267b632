// What a machine is made of, as it is ordered, given and priced.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/id.h"
#include "policies/vocabulary/money.h"

namespace policies::terms {
using namespace policies::vocabulary;

using ModelId = Id<struct ModelKind>;  // name of a model file, e.g. "home-pc"

enum class Component { Disk, Processor, Memory };
std::string_view name_of(Component component);  // "disk", "processor", "memory"

struct Hardware {
  Bytes disk;
  std::int64_t processor_mhz = 0;
  Bytes memory;
  auto operator<=>(const Hardware&) const = default;
};

// The amount of one component: bytes of disk or memory, MHz of processor.
std::uint64_t amount_of(const Hardware& hardware, Component component);
// "40 GB", "750 MHz", "1 GHz".
std::string amount_text(Component component, std::uint64_t amount);

// A choice that a model offers, and what it adds to the model's base price.
struct HardwareOption {
  Component component = Component::Disk;
  std::uint64_t amount = 0;
  Money price;
};

struct Model {
  ModelId id;
  std::int64_t version = 0;
  std::string dated;  // "2026-11-21"
  std::string name;   // for people
  Money base_price;   // everything but disk, processor and memory
  std::vector<HardwareOption> options;
};

}  // namespace policies::terms

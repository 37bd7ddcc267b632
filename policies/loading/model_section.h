// A model line of computers, as a rules file gives it.
#pragma once

#include <cstdint>

#include "policies/loading/strict_yaml.h"
#include "policies/terms/hardware.h"

namespace policies::loading {

inline constexpr std::int64_t rule_version_max = 100'000;

// What every rule begins with.
template <typename Rule>
void read_heading(Section& root, Rule& rule) {
  rule.id.text = root.name("id");
  rule.version = root.integer("version", {1, rule_version_max});
  rule.dated = root.date("dated");
}

// Reads all of a model; errors are noted in the section.
terms::Model model_from(Section& root);

// 1..64 of letters, digits and _ . : + -: a LED of /sys/class/leds, such as "system::indicator". Never a path.
bool is_led_name(std::string_view name);

}  // namespace policies::loading

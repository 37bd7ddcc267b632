// Is this the machine that was ordered? Pure.
#pragma once

#include <string>
#include <vector>

#include "policies/vocabulary/json_text.h"
#include "provision/hardware/machine.h"
#include "provision/order/work.h"

namespace provision::hardware {

// A refusal is a wrong, missing or smaller part: nothing may be built on such a machine. A note is for people.
enum class Weight { Note, Refusal };

struct Difference {
  std::string part;     // "disk", "memory", ...
  Weight weight = Weight::Note;
  std::string ordered;  // for people; never empty
  std::string found;
};

// "memory: 256 MB ordered, 128 MiB found".
std::string text_of(const Difference& difference);

// In order of the parts, refusals and notes mixed. What the order gives as an incentive counts as ordered. A retrofit is compared
// with the machine as it will be, but its disk may be the one it has now.
std::vector<Difference> differences(const order::Work& work, const MachineFacts& facts);

// Refused, naming each difference that refuses and the way out; done when there is none.
Done check_fits(const order::Work& work, const std::vector<Difference>& found);

// The facts as an object, for `--json`.
void write_json(JsonText& json, const MachineFacts& facts);

}  // namespace provision::hardware

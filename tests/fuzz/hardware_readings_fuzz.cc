// links: provision_hardware
// What a machine says of itself comes from its firmware and its USB devices: whatever the bytes, a reading is in its range or none.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "provision/hardware/readings.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace provision::hardware;
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  for (const std::string& line : {plain(text), filled_in(text), processor_name(text), serial_of_page_80(text)}) {
    if (line.size() > 128) std::abort();
    for (const char c : line)
      if (c < ' ' || c > '~') std::abort();
  }
  if (count_of_list(text) > 65536) std::abort();
  for (const auto& speed : {megahertz_now(text), megahertz_in_name(text)})
    if (speed && (*speed < 1 || *speed > 100'000)) std::abort();
  if (const auto module = module_size(text); module && module->count > (std::uint64_t{1} << 51)) std::abort();
  if (const auto total = memory_total(text); total && total->count > (std::uint64_t{1} << 53)) std::abort();
  (void)is_ups(text);
  (void)count_from(text);
  return 0;
}

// links: provision_firmware
// A record of what the firmware was may come from a disk in other hands, and its names become paths: it is refused with a reason, or
// is read and written back alike.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "provision/firmware/firmware_plan.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace provision::firmware;
  const auto record = record_from({reinterpret_cast<const char*>(bytes), size});
  if (!record) {
    if (record.error().message.empty()) std::abort();
    return 0;
  }
  for (const RecordedAttribute& entry : record->attributes)
    if (!is_attribute_name(entry.device) || !is_attribute_name(entry.attribute)) std::abort();
  for (const RecordedPassword& entry : record->passwords)
    if (!is_attribute_name(entry.device) || !is_attribute_name(entry.authentication)) std::abort();
  (void)plan_restoring(*record, {});
  // Text that is not UTF-8 is not kept to the byte.
  if (const auto again = record_from(text_of(*record)); !again) std::abort();
  return 0;
}

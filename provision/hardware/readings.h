// Single readings of the kernel, as bytes or text, into facts. Pure; none trusts what it is given: whatever the bytes, the
// answer is a value in its range or none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/result.h"

namespace provision::hardware {
using namespace policies::vocabulary;

// One line for people: ends trimmed, what is not printable ASCII as '?', at most 128 bytes.
std::string plain(std::string_view reading);
// The same, and empty for what makers leave unfilled: "To Be Filled By O.E.M.", "Default string", "System Serial Number", "0".
std::string filled_in(std::string_view reading);

// A whole number with nothing but white space around it.
std::optional<std::uint64_t> count_from(std::string_view reading);
// "0-3,5" of /sys/devices/system/cpu/present: how many. At most 65536.
std::uint32_t count_of_list(std::string_view reading);

// The size of one memory module: a whole SMBIOS type 17 structure (DMTF DSP0134 7.18: size in the word at 0Ch, in KiB when
// bit 15 is set, else MiB; 7FFFh means that the double word at 1Ch holds it in MiB). 0 for an empty slot; none for what is
// no such structure or does not know its size.
std::optional<Bytes> module_size(std::string_view structure);

// /proc/meminfo: MemTotal.
std::optional<Bytes> memory_total(std::string_view meminfo);

// /proc/cpuinfo: the first "model name", and the first "cpu MHz".
std::string processor_name(std::string_view cpuinfo);
std::optional<std::int64_t> megahertz_now(std::string_view cpuinfo);
// The nominal speed that a processor carries in its name: "Intel(R) Core(TM) i5-8500 CPU @ 3.00GHz" -> 3000.
std::optional<std::int64_t> megahertz_in_name(std::string_view name);

// A SCSI disk's serial: vital product data page 80h (SPC-4 7.8.16: page code at byte 1, length at 2..3, text from 4).
std::string serial_of_page_80(std::string_view page);

// Whether a HID report descriptor (HID 1.11, 6.2.2) has a collection of the power device page (84h) used as UPS (04h):
// a UPS on USB, which the kernel lists nowhere else.
bool is_ups(std::string_view report_descriptor);

}  // namespace provision::hardware

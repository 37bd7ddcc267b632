// The machine in front of the station: what it says it is made of (mission B5), and the port through which it is read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "policies/terms/hardware.h"
#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/result.h"

namespace provision::hardware {
using namespace policies::vocabulary;

// What the firmware says of the machine (SMBIOS types 1 to 3, as /sys/class/dmi/id shows them). Texts that makers leave
// unfilled ("To Be Filled By O.E.M.") are empty here.
struct Identity {
  std::string maker;
  std::string product;
  std::string serial;
  std::string board;
  std::string firmware_version;
};

struct BlockDevice {
  std::string name;    // kernel name, "nvme0n1"
  std::string model;   // these three may be empty
  std::string serial;
  std::string wwn;
  Bytes size;
  std::uint32_t sector_size = 512;  // logical, bytes
  bool removable = false;           // a stick, a card or a drive with a tray: never the machine's own disk
};

enum class InterfaceKind { Wired, Wireless, Cellular };

struct NetworkInterface {
  std::string name;
  InterfaceKind kind = InterfaceKind::Wired;
  std::string address;  // "02:00:00:00:00:01"
};

struct PowerSource {
  policies::terms::BackupPower kind = policies::terms::BackupPower::Battery;
  std::string name;
  std::string model;
  std::string serial;
};

struct ModemPart {
  policies::terms::Modem kind = policies::terms::Modem::Telephone;
  std::string name;
};

// How the size of the memory is known: the modules say theirs; the kernel's count leaves out what the firmware keeps.
enum class MemorySource { Unknown, Modules, Kernel };

struct MachineFacts {
  std::optional<Identity> identity;  // none: a virtual machine or a board without SMBIOS
  std::string processor;             // as it calls itself; may be empty
  std::uint32_t processor_threads = 0;
  std::int64_t processor_mhz = 0;    // nominal, not what it boosts to; 0: not to be read
  Bytes memory;
  MemorySource memory_source = MemorySource::Unknown;
  std::vector<BlockDevice> disks;  // without loop, RAM, device-mapper, RAID and network devices
  std::vector<NetworkInterface> interfaces;  // those with hardware behind them
  std::vector<PowerSource> power;
  std::vector<ModemPart> modems;
  std::optional<std::uint32_t> tpm_version;   // 1 or 2; none: no TPM
  std::vector<std::string> leds;              // names in /sys/class/leds
  bool firmware_attributes = false;           // the kernel's class is there and has a device
};

class Machine {
 public:
  virtual ~Machine() = default;
  // NotFound when there is no machine to be read there. A part that cannot be read is left out: comparing names it.
  virtual Result<MachineFacts> read() = 0;
};

}  // namespace provision::hardware

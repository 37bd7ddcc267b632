// What a machine is made of, as it is ordered, given and priced.
#pragma once

#include <array>
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

enum class Component { Disk, Processor, Memory, Modem, BackupPower };
inline constexpr std::array all_components = {Component::Disk, Component::Processor, Component::Memory, Component::Modem, Component::BackupPower};
std::string_view name_of(Component component);  // "disk", "processor", "memory", "modem", "backup-power"

enum class Modem { None, Telephone, Cellular };
std::string_view name_of(Modem modem);  // "none", "telephone", "cellular"

// What keeps the machine on when the mains fail.
enum class BackupPower { None, Battery, Ups };
std::string_view name_of(BackupPower power);  // "none", "battery", "ups"

struct Hardware {
  Bytes disk;
  std::int64_t processor_mhz = 0;
  Bytes memory;
  Modem modem = Modem::None;
  BackupPower backup_power = BackupPower::None;
  auto operator<=>(const Hardware&) const = default;
};

// The amount of one component: bytes of disk or memory, MHz of processor; for modem and backup power the number of the
// enumerator, 0 for none.
std::uint64_t amount_of(const Hardware& hardware, Component component);
// Precondition for modem and backup power: the number of an enumerator.
void set_amount(Hardware& hardware, Component component, std::uint64_t amount);
// "40 GB", "750 MHz", "1 GHz", "cellular", "none".
std::string amount_text(Component component, std::uint64_t amount);

// A choice that a model offers, and what it adds to the model's base price.
struct HardwareOption {
  Component component = Component::Disk;
  std::uint64_t amount = 0;
  Money price;
};

// What a machine of this model must have beside the amounts that an order names.
struct ModelParts {
  std::vector<std::string> products;  // the names by which its firmware may call it (DMI product name); empty: any
  bool tpm_required = false;
  std::int64_t wired_ports = 0;     // network interfaces, at least; 0..16
  std::int64_t wireless_ports = 0;  // at least; 0..16
};

// How one setting of the firmware shall stand.
enum class FirmwareWish { AsFound, Off, On };

// The settings of a machine that leases. One that declined gets remote wake and the administrator's lock off, whatever stands here.
struct ModelFirmware {
  FirmwareWish remote_wake = FirmwareWish::AsFound;
  FirmwareWish power_on_after_power_loss = FirmwareWish::AsFound;
  FirmwareWish administrator_lock = FirmwareWish::AsFound;  // the owner's firmware setup refuses changes without the administrator's password
};

// The disk of whoever declined at order time: the one ordered, without the larger one that an offer gives; or the one that every
// machine of this line is built with, all of it the customer's.
enum class DeclinedDisk { AsOrdered, AsOffered };

struct Model {
  ModelId id;
  std::int64_t version = 0;
  std::string dated;  // "2026-11-21"
  std::string name;   // for people
  Money base_price;   // everything but the components
  std::vector<HardwareOption> options;  // a component without options is offered as none only
  DeclinedDisk declined_disk = DeclinedDisk::AsOrdered;
  ModelParts parts;
  ModelFirmware firmware;
  std::string indicator_led;  // of /sys/class/leds: lit while leased work runs; empty: none
};

}  // namespace policies::terms

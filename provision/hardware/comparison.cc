#include "provision/hardware/comparison.h"

#include <fmt/format.h>

#include <algorithm>

namespace provision::hardware {
namespace {

using policies::terms::BackupPower;
using policies::terms::Component;
using policies::terms::Modem;

// A speed that is read moves by a few MHz around the one that was sold.
constexpr std::int64_t speed_tolerance_divisor = 50;
// More than this is worth a note.
constexpr std::uint64_t larger_divisor = 10;
// Firmware and kernel keep up to this part of the memory from the kernel's count.
constexpr std::uint64_t kept_memory_divisor = 8;

class Findings {
 public:
  void refuse(std::string part, std::string ordered, std::string found) { add(std::move(part), Weight::Refusal, std::move(ordered), std::move(found)); }
  void note(std::string part, std::string ordered, std::string found) { add(std::move(part), Weight::Note, std::move(ordered), std::move(found)); }
  std::vector<Difference> take() { return std::move(list_); }

 private:
  void add(std::string part, Weight weight, std::string ordered, std::string found) {
    list_.push_back({std::move(part), weight, std::move(ordered), std::move(found)});
  }
  std::vector<Difference> list_;
};

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return text;
}

std::string listed(const std::vector<std::string>& texts) {
  return texts.empty() ? "none" : fmt::format("{}", fmt::join(texts, ", "));
}

void compare_identity(const order::Work& work, const MachineFacts& facts, Findings& findings) {
  if (!facts.identity) {
    findings.note("machine", work.model + " " + work.serial, "no name and no serial");
    return;
  }
  const std::vector<std::string>& products = work.parts.products;
  if (!products.empty() && std::find(products.begin(), products.end(), facts.identity->product) == products.end())
    findings.refuse("model", listed(products), facts.identity->product.empty() ? "no name" : facts.identity->product);
  if (facts.identity->serial.empty())
    findings.note("serial", work.serial, "none in the firmware (reading it needs root)");
  else if (upper(facts.identity->serial) != work.serial)
    findings.refuse("serial", work.serial, facts.identity->serial);
}

void compare_processor(const order::Work& work, const MachineFacts& facts, Findings& findings) {
  const std::int64_t wanted = work.given.processor_mhz;
  const std::string ordered = amount_text(Component::Processor, static_cast<std::uint64_t>(wanted));
  const std::string found = fmt::format("{} MHz{}", facts.processor_mhz, facts.processor.empty() ? "" : " (" + facts.processor + ")");
  if (facts.processor_mhz == 0)
    findings.note("processor", ordered, "no speed that can be read");
  else if (facts.processor_mhz < wanted - wanted / speed_tolerance_divisor)
    findings.refuse("processor", ordered, found);
  else if (facts.processor_mhz > wanted + wanted / static_cast<std::int64_t>(larger_divisor))
    findings.note("processor", ordered, found);
}

void compare_memory(const order::Work& work, const MachineFacts& facts, Findings& findings) {
  const Bytes wanted = work.given.memory;
  const std::string found = mebibytes(facts.memory.count >> 20).text() + (facts.memory_source == MemorySource::Kernel ? " as the kernel counts it" : "");
  const std::uint64_t kept = facts.memory_source == MemorySource::Kernel ? wanted.count / kept_memory_divisor : 0;
  if (facts.memory_source == MemorySource::Unknown)
    findings.refuse("memory", wanted.text(), "none that can be read");
  else if (facts.memory.count < wanted.count - kept)
    findings.refuse("memory", wanted.text(), found);
  else if (facts.memory.count - std::min(facts.memory.count, wanted.count) > wanted.count / larger_divisor)
    findings.note("memory", wanted.text(), found);
}

// Disks are sold in decimal gigabytes, and are never exactly of that size.
std::string sold_size(Bytes size) {
  const std::uint64_t tenths = size.count / 100'000'000 + (size.count % 100'000'000 >= 50'000'000 ? 1 : 0);
  return tenths % 10 == 0 ? fmt::format("{} GB", tenths / 10) : fmt::format("{}.{} GB", tenths / 10, tenths % 10);
}

std::string disk_text(const BlockDevice& disk) {
  return fmt::format("{} ({}{}{})", sold_size(disk.size), disk.name, disk.model.empty() ? "" : ", " + disk.model, disk.serial.empty() ? "" : ", serial " + disk.serial);
}

void compare_disks(const order::Work& work, const MachineFacts& facts, Findings& findings) {
  std::string ordered = work.given.disk.text();
  if (work.present && work.present->disk != work.given.disk) ordered += " (or the present " + work.present->disk.text() + ")";
  const BlockDevice* fitting = nullptr;
  std::vector<std::string> others;
  for (const BlockDevice& disk : facts.disks) {
    if (disk.removable) continue;
    const bool fits = order::is_that_disk(disk.size, work.given.disk) || (work.present && order::is_that_disk(disk.size, work.present->disk));
    if (fits && fitting == nullptr)
      fitting = &disk;
    else
      others.push_back(disk_text(disk));
  }
  if (fitting == nullptr)
    findings.refuse("disk", ordered, listed(others));
  else if (!others.empty())
    findings.note("disk", ordered, disk_text(*fitting) + ", and beside it " + listed(others));
}

void compare_modem(const order::Work& work, const MachineFacts& facts, Findings& findings) {
  std::vector<std::string> names;
  for (const ModemPart& modem : facts.modems) names.push_back(fmt::format("{} ({})", name_of(modem.kind), modem.name));
  const bool there = std::any_of(facts.modems.begin(), facts.modems.end(), [&](const ModemPart& modem) { return modem.kind == work.given.modem; });
  if (work.given.modem != Modem::None && !there)
    findings.refuse("modem", std::string(name_of(work.given.modem)), listed(names));
  else if (work.given.modem == Modem::None && !names.empty())
    findings.note("modem", "none", listed(names));
}

void compare_power(const order::Work& work, const MachineFacts& facts, Findings& findings) {
  std::vector<std::string> names;
  for (const PowerSource& source : facts.power)
    names.push_back(fmt::format("{} ({}{})", name_of(source.kind), source.name, source.model.empty() ? "" : ", " + source.model));
  const bool there =
      std::any_of(facts.power.begin(), facts.power.end(), [&](const PowerSource& source) { return source.kind == work.given.backup_power; });
  if (work.given.backup_power != BackupPower::None && !there)
    findings.refuse("backup power", std::string(name_of(work.given.backup_power)), listed(names));
  else if (work.given.backup_power == BackupPower::None && !names.empty())
    findings.note("backup power", "none", listed(names));
}

void compare_tpm(const order::Work& work, const MachineFacts& facts, Findings& findings) {
  const std::string found = facts.tpm_version ? fmt::format("version {}", *facts.tpm_version) : "none";
  if (work.parts.tpm_required && facts.tpm_version != 2U)
    findings.refuse("TPM", "version 2", found);
  else if (work.lease.count > 0 && facts.tpm_version != 2U)
    findings.note("TPM", "none", found + " (so the controller's key opens the lease partition)");
}

void compare_interfaces(const order::Work& work, const MachineFacts& facts, Findings& findings) {
  const auto count_of = [&](InterfaceKind kind) {
    return std::count_if(facts.interfaces.begin(), facts.interfaces.end(), [&](const NetworkInterface& one) { return one.kind == kind; });
  };
  const std::int64_t wired = count_of(InterfaceKind::Wired);
  const std::int64_t wireless = count_of(InterfaceKind::Wireless);
  const std::int64_t wireless_wanted = std::max<std::int64_t>(work.parts.wireless_ports, work.presets.wifi ? 1 : 0);
  if (wired < work.parts.wired_ports)
    findings.refuse("wired network", fmt::format("{} at least", work.parts.wired_ports), std::to_string(wired));
  if (wireless < wireless_wanted)
    findings.refuse("wireless network", fmt::format("{} at least", wireless_wanted), std::to_string(wireless));
}

void compare_settings(const order::Work& work, const MachineFacts& facts, Findings& findings) {
  if (!work.indicator_led.empty() && std::find(facts.leds.begin(), facts.leds.end(), work.indicator_led) == facts.leds.end())
    findings.note("indicator", "LED " + work.indicator_led, listed(facts.leds));
  const auto asked = [](policies::terms::FirmwareWish wish) { return wish == policies::terms::FirmwareWish::On; };
  const policies::terms::ModelFirmware& wishes = work.firmware;
  if ((asked(wishes.remote_wake) || asked(wishes.power_on_after_power_loss) || asked(wishes.administrator_lock)) && !facts.firmware_attributes)
    findings.note("firmware", "settings through the kernel's firmware attributes", "none (set them by hand in the firmware's own pages)");
}

}  // namespace

std::string text_of(const Difference& difference) {
  return fmt::format("{}: {} ordered, {} found", difference.part, difference.ordered, difference.found);
}

std::vector<Difference> differences(const order::Work& work, const MachineFacts& facts) {
  Findings findings;
  compare_identity(work, facts, findings);
  compare_processor(work, facts, findings);
  compare_memory(work, facts, findings);
  compare_disks(work, facts, findings);
  compare_modem(work, facts, findings);
  compare_power(work, facts, findings);
  compare_tpm(work, facts, findings);
  compare_interfaces(work, facts, findings);
  compare_settings(work, facts, findings);
  return findings.take();
}

Done check_fits(const order::Work& work, const std::vector<Difference>& found) {
  std::vector<std::string> refusals;
  for (const Difference& difference : found)
    if (difference.weight == Weight::Refusal) refusals.push_back(text_of(difference));
  if (refusals.empty()) return {};
  return Error{ErrorCode::Refused,
               fmt::format("this is not the machine of order {}: {}; put the ordered parts in, or correct the order", work.order.text, fmt::join(refusals, "; ")),
               {}};
}

void write_json(JsonText& json, const MachineFacts& facts) {
  json.object().key("identity");
  if (facts.identity) {
    json.object().key("maker").text(facts.identity->maker).key("product").text(facts.identity->product).key("serial").text(facts.identity->serial);
    json.key("board").text(facts.identity->board).key("firmware_version").text(facts.identity->firmware_version).end();
  } else {
    json.null();
  }
  json.key("processor").object().key("name").text(facts.processor).key("threads").number(facts.processor_threads);
  json.key("mhz").number(facts.processor_mhz).end();
  json.key("memory_bytes").bytes(facts.memory).key("memory_source");
  json.text(facts.memory_source == MemorySource::Modules ? "modules" : facts.memory_source == MemorySource::Kernel ? "kernel" : "unknown");
  json.key("disks").array();
  for (const BlockDevice& disk : facts.disks) {
    json.object().key("name").text(disk.name).key("model").text(disk.model).key("serial").text(disk.serial).key("wwn").text(disk.wwn);
    json.key("size_bytes").bytes(disk.size).key("sector_bytes").bytes(Bytes{disk.sector_size}).key("removable").boolean(disk.removable).end();
  }
  json.end().key("interfaces").array();
  for (const NetworkInterface& interface : facts.interfaces) {
    const bool wired = interface.kind == InterfaceKind::Wired;
    json.object().key("name").text(interface.name).key("kind").text(wired ? "wired" : interface.kind == InterfaceKind::Wireless ? "wireless" : "cellular");
    json.key("address").text(interface.address).end();
  }
  json.end().key("backup_power").array();
  for (const PowerSource& source : facts.power)
    json.object().key("kind").text(name_of(source.kind)).key("name").text(source.name).key("model").text(source.model).key("serial").text(source.serial).end();
  json.end().key("modems").array();
  for (const ModemPart& modem : facts.modems) json.object().key("kind").text(name_of(modem.kind)).key("name").text(modem.name).end();
  json.end().key("tpm_version");
  facts.tpm_version ? json.number(*facts.tpm_version) : json.null();
  json.key("leds").array();
  for (const std::string& led : facts.leds) json.text(led);
  json.end().key("firmware_attributes").boolean(facts.firmware_attributes).end();
}

}  // namespace provision::hardware

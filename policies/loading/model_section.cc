#include "policies/loading/model_section.h"

#include <algorithm>
#include <set>

#include "policies/loading/hardware_text.h"

namespace policies::loading {
namespace {

using terms::Component;
using terms::FirmwareWish;
using terms::Model;

// What a list of the model is called, and how an entry names its amount.
struct OptionSource {
  std::string_view list;
  std::string_view amount;
  Component component;
  std::size_t count_min;  // 0: the list may be left out
};

constexpr OptionSource option_sources[] = {{"disks", "size", Component::Disk, 1},
                                          {"processors", "speed", Component::Processor, 1},
                                          {"memories", "size", Component::Memory, 1},
                                          {"modems", "kind", Component::Modem, 0},
                                          {"backup_powers", "kind", Component::BackupPower, 0}};

void read_options(Section& root, const OptionSource& source, Model& model) {
  std::set<std::uint64_t> seen;
  const bool optional = source.count_min == 0;
  for (Section& section : optional ? root.sections_or_none(source.list, 10) : root.sections(source.list, {source.count_min, 50})) {
    terms::HardwareOption option{source.component, read_amount(section, source.amount, source.component), section.money("price")};
    if (optional && option.amount == 0) section.refuse(source.amount, "'none' is always offered and costs nothing; leave it out");
    if (!seen.insert(option.amount).second) section.refuse(source.amount, amount_text(source.component, option.amount) + " is offered twice");
    model.options.push_back(std::move(option));
  }
}

terms::ModelParts parts_from(Section& root) {
  terms::ModelParts parts;
  std::optional<Section> section = root.optional_section("parts");
  if (!section) return parts;
  parts.products = section->texts_or_none("products", 20, {1, 64});
  parts.tpm_required = section->boolean_or("tpm", false);
  parts.wired_ports = section->integer_or("wired_ports", 0, {0, 16});
  parts.wireless_ports = section->integer_or("wireless_ports", 0, {0, 16});
  return parts;
}

terms::ModelFirmware firmware_from(Section& root) {
  terms::ModelFirmware firmware;
  std::optional<Section> section = root.optional_section("firmware");
  if (!section) return firmware;
  const auto wish = [&](std::string_view key) {
    return section->one_of_or<FirmwareWish>(key, FirmwareWish::AsFound,
                                            {{"as-found", FirmwareWish::AsFound}, {"disabled", FirmwareWish::Off}, {"enabled", FirmwareWish::On}});
  };
  firmware.remote_wake = wish("remote_wake");
  firmware.power_on_after_power_loss = wish("power_on_after_power_loss");
  firmware.administrator_lock = wish("administrator_lock");
  return firmware;
}

}  // namespace

bool is_led_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && name.front() != '.' && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || std::string_view("_.:+-").find(c) != std::string_view::npos;
  });
}

Model model_from(Section& root) {
  Model model;
  read_heading(root, model);
  model.name = root.text("name", {1, 80});
  model.base_price = root.money("base_price");
  for (const OptionSource& source : option_sources) read_options(root, source, model);
  model.declined_disk = root.one_of_or<terms::DeclinedDisk>(
      "declined_disk", terms::DeclinedDisk::AsOrdered,
      {{"as-ordered", terms::DeclinedDisk::AsOrdered}, {"as-offered", terms::DeclinedDisk::AsOffered}});
  model.parts = parts_from(root);
  model.firmware = firmware_from(root);
  if (std::optional<Section> indicator = root.optional_section("indicator")) {
    model.indicator_led = indicator->text("led", {1, 64});
    if (!model.indicator_led.empty() && !is_led_name(model.indicator_led))
      indicator->refuse("led", "'" + model.indicator_led + "' is not the name of a LED in /sys/class/leds");
  }
  return model;
}

}  // namespace policies::loading

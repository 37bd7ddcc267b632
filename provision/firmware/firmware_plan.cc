#include "provision/firmware/firmware_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace provision::firmware {
namespace {

using policies::terms::FirmwareWish;

constexpr std::size_t attributes_max = 64;
constexpr std::size_t passwords_max = 8;

std::optional<std::int64_t> whole(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool takes(const Attribute& attribute, const std::string& value) {
  switch (attribute.type) {
    case AttributeType::Enumeration: return std::find(attribute.possible.begin(), attribute.possible.end(), value) != attribute.possible.end();
    case AttributeType::String: return !attribute.length_max || static_cast<std::int64_t>(value.size()) <= *attribute.length_max;
    case AttributeType::Integer: {
      const auto number = whole(value);
      if (!number || (attribute.lowest && *number < *attribute.lowest) || (attribute.highest && *number > *attribute.highest)) return false;
      return !attribute.increment || *attribute.increment <= 1 || (*number - attribute.lowest.value_or(0)) % *attribute.increment == 0;
    }
    case AttributeType::Other: return false;
  }
  std::abort();
}

// The value that stands for on or off on this very attribute: makers' words, or 1 and 0 where it is a number.
std::optional<std::string> value_for(const Attribute& attribute, std::span<const std::string_view> words, bool on) {
  if (attribute.type == AttributeType::Integer) {
    const std::string number = on ? "1" : "0";
    return takes(attribute, number) ? std::optional(number) : std::nullopt;
  }
  for (const std::string_view word : words)
    if (takes(attribute, std::string(word))) return std::string(word);
  return std::nullopt;
}

FirmwareWish wish_of(const policies::terms::ModelFirmware& wishes, Setting setting) {
  switch (setting) {
    case Setting::RemoteWake: return wishes.remote_wake;
    case Setting::PowerOnAfterPowerLoss: return wishes.power_on_after_power_loss;
    case Setting::AdministratorLock: return wishes.administrator_lock;
  }
  std::abort();
}

class Planner {
 public:
  Planner(const std::vector<Device>& devices, FirmwareRecord recorded) : devices_(devices) { plan_.record = std::move(recorded); }

  void want(Setting setting, bool on) {
    bool known = false;
    for (const Device& device : devices_)
      for (const KnownAttribute& known_attribute : known_attributes()) {
        if (known_attribute.setting != setting || known_attribute.device != device.name) continue;
        const Attribute* attribute = device.attribute(std::string(known_attribute.attribute));
        if (attribute == nullptr) continue;
        known = true;
        want(device, *attribute, on ? known_attribute.on : known_attribute.off, on);
      }
    if (!known && !(setting == Setting::AdministratorLock && has_administrator()))
      plan_.notes.push_back(fmt::format("{}: this machine's firmware has no such setting that we know", name_of(setting)));
  }

  void want_administrator(bool on, PasswordGiven given) {
    for (const Device& device : devices_) {
      const Authentication* administrator = device.administrator();
      if (administrator == nullptr || administrator->enabled == on) continue;
      const RecordedPassword ours{device.name, administrator->name};
      const bool recorded = std::find(plan_.record.passwords.begin(), plan_.record.passwords.end(), ours) != plan_.record.passwords.end();
      if (on && given == PasswordGiven::No) {
        plan_.notes.push_back(fmt::format("administrator lock: {} has no administrator's password; give one in a file to set it", device.name));
      } else if (on) {
        plan_.passwords.push_back({device.name, administrator->name, PasswordChange::Set});
        if (!recorded) plan_.record.passwords.push_back(ours);
      } else if (recorded) {
        plan_.passwords.push_back({device.name, administrator->name, PasswordChange::Remove});
      } else {
        plan_.notes.push_back(fmt::format("administrator lock: the administrator's password of {} is not ours and stays", device.name));
      }
    }
  }

  void restore(const RecordedAttribute& entry) {
    const Device* device = find(entry.device);
    const Attribute* attribute = device == nullptr ? nullptr : device->attribute(entry.attribute);
    if (attribute == nullptr || !attribute->current) {
      plan_.notes.push_back(fmt::format("{} of {} is not there any more: it cannot be set back to {}", entry.attribute, entry.device, entry.original));
    } else if (*attribute->current != entry.original && *attribute->current != entry.set_to) {
      plan_.notes.push_back(fmt::format("{} of {} is {}, which the owner chose: it stays", entry.attribute, entry.device, *attribute->current));
    } else if (*attribute->current != entry.original) {
      plan_.changes.push_back({entry.device, entry.attribute, *attribute->current, entry.original});
    }
  }

  void restore(const RecordedPassword& entry) {
    const Device* device = find(entry.device);
    const Authentication* administrator = device == nullptr ? nullptr : device->administrator();
    if (administrator == nullptr || administrator->name != entry.authentication) return;
    if (administrator->enabled) {
      plan_.passwords.push_back({entry.device, entry.authentication, PasswordChange::Remove});
    } else if (device->pending_reboot) {
      // Lenovo's password is active from the next start on: to forget the record now would leave it for ever.
      plan_.must_wait = true;
      plan_.notes.push_back(fmt::format("the administrator's password of {} waits for the next start: start the machine, then restore again", entry.device));
    }
  }

  FirmwarePlan take() {
    for (const Device& device : devices_) {
      const Authentication* administrator = device.administrator();
      const auto is_here = [&](const auto& one) { return one.device == device.name; };
      const bool removes = std::any_of(plan_.passwords.begin(), plan_.passwords.end(),
                                       [&](const PlannedPassword& one) { return is_here(one) && one.change == PasswordChange::Remove; });
      const bool changes = std::any_of(plan_.changes.begin(), plan_.changes.end(), is_here);
      if (administrator != nullptr && administrator->enabled && (changes || removes)) plan_.locked.push_back(device.name);
    }
    return std::move(plan_);
  }

 private:
  [[nodiscard]] bool has_administrator() const {
    return std::any_of(devices_.begin(), devices_.end(), [](const Device& device) { return device.administrator() != nullptr; });
  }
  [[nodiscard]] const Device* find(const std::string& name) const {
    const auto found = std::find_if(devices_.begin(), devices_.end(), [&](const Device& device) { return device.name == name; });
    return found == devices_.end() ? nullptr : &*found;
  }

  void want(const Device& device, const Attribute& attribute, std::span<const std::string_view> words, bool on) {
    const auto value = value_for(attribute, words, on);
    if (!value || !attribute.current) {
      plan_.notes.push_back(fmt::format("{} of {} takes none of the values that we know, or is not to be read: set it by hand", attribute.name, device.name));
      return;
    }
    // Any of the words will do: who has chosen a wider one keeps it.
    const bool stands = *attribute.current == *value || std::find(words.begin(), words.end(), *attribute.current) != words.end();
    if (stands) return;
    plan_.changes.push_back({device.name, attribute.name, *attribute.current, *value});
    const auto recorded = std::find_if(plan_.record.attributes.begin(), plan_.record.attributes.end(),
                                       [&](const RecordedAttribute& one) { return one.device == device.name && one.attribute == attribute.name; });
    if (recorded == plan_.record.attributes.end())
      plan_.record.attributes.push_back({device.name, attribute.name, *attribute.current, *value});
    else
      recorded->set_to = *value;
  }

  const std::vector<Device>& devices_;
  FirmwarePlan plan_;
};

}  // namespace

std::string text_of(const Change& change) {
  return fmt::format("set {} of {} from {} to {}", change.attribute, change.device, change.from, change.to);
}

Result<FirmwarePlan> plan_for(const policies::terms::ModelFirmware& wishes, const std::vector<Device>& devices, const FirmwareRecord& recorded,
                              PasswordGiven password) {
  Planner planner(devices, recorded);
  for (const Setting setting : {Setting::RemoteWake, Setting::PowerOnAfterPowerLoss, Setting::AdministratorLock}) {
    const FirmwareWish wish = wish_of(wishes, setting);
    if (wish == FirmwareWish::AsFound || devices.empty()) continue;
    planner.want(setting, wish == FirmwareWish::On);
    if (setting == Setting::AdministratorLock) planner.want_administrator(wish == FirmwareWish::On, password);
  }
  FirmwarePlan plan = planner.take();
  if (devices.empty()) plan.notes.emplace_back("this machine's kernel shows no firmware attributes: set remote wake and power-on by hand in the firmware's own pages");
  if (plan.record.attributes.size() > attributes_max || plan.record.passwords.size() > passwords_max)
    return Error{ErrorCode::LimitExceeded, "this machine has more firmware settings than a record holds", {}};
  return plan;
}

FirmwarePlan plan_restoring(const FirmwareRecord& recorded, const std::vector<Device>& devices) {
  Planner planner(devices, recorded);
  for (const RecordedAttribute& entry : recorded.attributes) planner.restore(entry);
  for (const RecordedPassword& entry : recorded.passwords) planner.restore(entry);
  return planner.take();
}

}  // namespace provision::firmware

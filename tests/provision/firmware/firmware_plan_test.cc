// Goal: what an order wants of the firmware is set and can always be put back: whatever refuses, whoever holds the password, wherever
// the power fails. Method: firmware that behaves, cut after each of its writes and each write of the record.
#include "provision/firmware/firmware_plan.h"

#include <gtest/gtest.h>

#include "provision/firmware/apply.h"
#include "tests/fakes/behaving_firmware.h"
#include "tests/fakes/memory_files.h"

namespace provision::firmware {
namespace {

using policies::terms::FirmwareWish;
using policies::terms::ModelFirmware;
using tests::fakes::BehavingFirmware;
using tests::fakes::MemoryFiles;

const std::string record_path = "/firmware.json";
constexpr ModelFirmware leased{FirmwareWish::On, FirmwareWish::On, FirmwareWish::On};
constexpr ModelFirmware declined{FirmwareWish::Off, FirmwareWish::AsFound, FirmwareWish::Off};

Attribute enumeration(const std::string& name, const std::string& current, std::vector<std::string> possible) {
  return {name, AttributeType::Enumeration, current, std::move(possible), {}, {}, {}, {}};
}

std::vector<Device> dell() {
  Device device;
  device.name = "dell-wmi-sysman";
  device.attributes = {enumeration("AcPwrRcvry", "Last", {"Off", "On", "Last"}), enumeration("AdminSetupLockout", "Disabled", {"Disabled", "Enabled"}),
                       {"AutoOnHr", AttributeType::Integer, "0", {}, 0, 23, 1, {}}, enumeration("WakeOnLan", "Disabled", {"Disabled", "LanOnly", "LanWithPxeBoot"})};
  device.authentications = {{"Admin", "bios-admin", false, 4, 32}, {"System", "power-on", false, 4, 32}};
  return {device};
}

std::vector<std::string> texts(const FirmwarePlan& plan) {
  std::vector<std::string> all;
  for (const Change& change : plan.changes) all.push_back(text_of(change));
  return all;
}
using Texts = std::vector<std::string>;

TEST(FirmwarePlan, SetsEachWishByItsMakersName) {
  const auto plan = plan_for(leased, dell(), {}, PasswordGiven::No);
  ASSERT_TRUE(plan);
  EXPECT_EQ(texts(*plan), (Texts{"set WakeOnLan of dell-wmi-sysman from Disabled to LanOnly", "set AcPwrRcvry of dell-wmi-sysman from Last to On",
                                 "set AdminSetupLockout of dell-wmi-sysman from Disabled to Enabled"}));
  EXPECT_EQ(plan->record.attributes.size(), 3U);
  EXPECT_EQ(plan->record.attributes[1].original, "Last");
  ASSERT_EQ(plan->notes.size(), 1U);
  EXPECT_NE(plan->notes[0].find("has no administrator's password"), std::string::npos);

  Device hp;
  hp.name = "hp-bioscfg";
  hp.attributes = {enumeration("Wake On LAN", "Disabled", {"Disabled", "Boot to Network", "Boot to Hard Drive"}),
                   enumeration("After Power Loss", "Power Off", {"Power Off", "Power On", "Previous State"})};
  EXPECT_EQ(texts(*plan_for(leased, {hp}, {}, PasswordGiven::No)),
            (Texts{"set Wake On LAN of hp-bioscfg from Disabled to Boot to Hard Drive", "set After Power Loss of hp-bioscfg from Power Off to Power On"}));
}

TEST(FirmwarePlan, LeavesAsItIsWhatAlreadyServes) {
  std::vector<Device> devices = dell();
  devices[0].attributes[3] = enumeration("WakeOnLan", "LanWlan", {"Disabled", "LanOnly", "LanWlan"});
  devices[0].attributes[0].current = "On";
  const auto plan = plan_for({FirmwareWish::On, FirmwareWish::On, FirmwareWish::AsFound}, devices, {}, PasswordGiven::No);
  EXPECT_TRUE(plan->nothing_to_do());
  EXPECT_TRUE(plan->record.empty());
}

TEST(FirmwarePlan, SwitchesRemoteControlOffForWhoeverDeclined) {
  std::vector<Device> devices = dell();
  devices[0].attributes[3].current = "LanWithPxeBoot";
  devices[0].attributes[1].current = "Enabled";
  EXPECT_EQ(texts(*plan_for(declined, devices, {}, PasswordGiven::No)),
            (Texts{"set WakeOnLan of dell-wmi-sysman from LanWithPxeBoot to Disabled", "set AdminSetupLockout of dell-wmi-sysman from Enabled to Disabled"}));
}

TEST(FirmwarePlan, TellsOfAMachineWithoutTheClassOrTheSetting) {
  const auto none = plan_for(leased, {}, {}, PasswordGiven::No);
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->nothing_to_do());
  ASSERT_EQ(none->notes.size(), 1U);
  EXPECT_NE(none->notes[0].find("no firmware attributes"), std::string::npos);
  Device bare;
  bare.name = "thinklmi";
  EXPECT_EQ(plan_for(leased, {bare}, {}, PasswordGiven::No)->notes.size(), 3U);
  Device odd;
  odd.name = "dell-wmi-sysman";
  odd.attributes = {enumeration("WakeOnLan", "Maybe", {"Maybe", "Sometimes"})};
  EXPECT_NE(plan_for({FirmwareWish::On, {}, {}}, {odd}, {}, PasswordGiven::No)->notes.at(0).find("set it by hand"), std::string::npos);
}

TEST(FirmwarePlan, WritesANumberWhereTheAttributeIsOne) {
  Device device;
  device.name = "dell-wmi-sysman";
  device.attributes = {{"WakeOnLan", AttributeType::Integer, "0", {}, 0, 1, 1, {}}};
  EXPECT_EQ(texts(*plan_for({FirmwareWish::On, {}, {}}, {device}, {}, PasswordGiven::No)), Texts{"set WakeOnLan of dell-wmi-sysman from 0 to 1"});
  device.attributes[0].lowest = 5;
  device.attributes[0].highest = 9;
  EXPECT_TRUE(plan_for({FirmwareWish::On, {}, {}}, {device}, {}, PasswordGiven::No)->nothing_to_do());
}

TEST(FirmwareRecord, IsReadAsItWasWrittenAndRefusedOtherwise) {
  const FirmwareRecord record{{{"dell-wmi-sysman", "WakeOnLan", "Disabled", "LanOnly"}, {"hp-bioscfg", "Wake On LAN", "a;\"b\"", ""}}, {{"thinklmi", "Admin"}}};
  EXPECT_EQ(*record_from(text_of(record)), record);
  const std::string whole = text_of(record);
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string text = whole;
    return text.replace(text.find(from), from.size(), to);
  };
  for (const std::string& text : {std::string("{}"), std::string("null"), whole.substr(0, 40), changed("WakeOnLan", "../../block/sda"), changed("WakeOnLan", ".."),
                                  changed("leaseback-firmware-1", "leaseback-firmware-2"), changed("\"set_to\"", "\"set-to\""), changed("LanOnly", "a\\nb"),
                                  std::string(record_size_max + 1, ' ')}) {
    const auto refused = record_from(text);
    ASSERT_FALSE(refused) << text.substr(0, 200);
    EXPECT_EQ(refused.error().code, ErrorCode::InvalidInput);
  }
}

TEST(FirmwareApply, SetsRecordsAndRestores) {
  BehavingFirmware machine(dell());
  MemoryFiles files;
  const auto applied = apply(leased, "tall tower", record_path, machine, files);
  ASSERT_TRUE(applied) << applied.error().text();
  EXPECT_EQ(machine.value("WakeOnLan"), "LanOnly");
  EXPECT_EQ(machine.value("AdminSetupLockout"), "Enabled");
  EXPECT_EQ(machine.password(), "tall tower");
  EXPECT_EQ(applied->notes, Texts{"dell-wmi-sysman: changes take effect at the next start"});
  EXPECT_EQ(files.read(record_path, mebibytes(1))->find("tall tower"), std::string::npos) << "no secret in the record";
  machine.restart();
  EXPECT_TRUE(apply(leased, "tall tower", record_path, machine, files)->done.empty()) << "a second time there is nothing to do";

  const auto unknown = restore("", record_path, machine, files);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::Refused);
  const auto wrong = restore("wrong", record_path, machine, files);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, ErrorCode::PermissionDenied);
  EXPECT_EQ(wrong.error().text().find("wrong t"), std::string::npos);
  EXPECT_FALSE(machine.has_open_session());
  const auto restored = restore("tall tower", record_path, machine, files);
  ASSERT_TRUE(restored) << restored.error().text();
  EXPECT_TRUE(restored->restored);
  EXPECT_EQ(machine.value("WakeOnLan"), "Disabled");
  EXPECT_EQ(machine.value("AcPwrRcvry"), "Last");
  EXPECT_EQ(machine.password(), "");
  EXPECT_FALSE(*files.exists(record_path));
  EXPECT_TRUE(restore("", record_path, machine, files)->restored) << "without a record nothing was changed";
}

TEST(FirmwareApply, AsksForThePasswordThatIsThereBeforeAnythingIsChanged) {
  BehavingFirmware machine(dell());
  machine.lock_with("owner's own");
  MemoryFiles files;
  const auto refused = apply(leased, "", record_path, machine, files);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::Refused);
  EXPECT_NE(refused.error().message.find("--password-file"), std::string::npos);
  EXPECT_EQ(machine.writes(), 0U);
  EXPECT_FALSE(*files.exists(record_path));
  ASSERT_TRUE(apply(leased, "owner's own", record_path, machine, files));
  EXPECT_EQ(machine.value("WakeOnLan"), "LanOnly");
  EXPECT_FALSE(machine.has_open_session());
  ASSERT_TRUE(restore("owner's own", record_path, machine, files));
  EXPECT_EQ(machine.password(), "owner's own") << "a password that is not ours stays";
}

TEST(FirmwareApply, NamesAReadOnlyAttributeAndKeepsWhatItChangedBefore) {
  BehavingFirmware machine(dell());
  machine.make_read_only("AcPwrRcvry");
  MemoryFiles files;
  const auto failed = apply(leased, "", record_path, machine, files);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::PermissionDenied);
  EXPECT_NE(failed.error().text().find("set AcPwrRcvry of dell-wmi-sysman from Last to On"), std::string::npos);
  ASSERT_TRUE(restore("", record_path, machine, files));
  EXPECT_EQ(machine.value("WakeOnLan"), "Disabled");
}

TEST(FirmwareApply, RefusesAPasswordThatTheFirmwareWouldNotTake) {
  BehavingFirmware machine(dell());
  MemoryFiles files;
  const auto refused = apply(leased, "abc", record_path, machine, files);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::InvalidInput);
  EXPECT_NE(refused.error().message.find("4 to 32 bytes"), std::string::npos);
  EXPECT_EQ(machine.writes(), 0U);
}

TEST(FirmwareRestore, LeavesWhatTheOwnerHasChangedSince) {
  BehavingFirmware machine(dell());
  MemoryFiles files;
  ASSERT_TRUE(apply(leased, "", record_path, machine, files));
  ASSERT_TRUE(machine.set("dell-wmi-sysman", "WakeOnLan", "LanWithPxeBoot"));
  const auto restored = restore("", record_path, machine, files);
  ASSERT_TRUE(restored);
  EXPECT_EQ(machine.value("WakeOnLan"), "LanWithPxeBoot");
  EXPECT_EQ(machine.value("AcPwrRcvry"), "Last");
  EXPECT_NE(restored->notes.at(0).find("which the owner chose"), std::string::npos);
}

TEST(FirmwareRestore, WaitsForAPasswordThatIsNotActiveYet) {
  BehavingFirmware machine(dell());
  machine.delay_passwords();
  MemoryFiles files;
  ASSERT_TRUE(apply(leased, "tall tower", record_path, machine, files));
  EXPECT_EQ(machine.password(), "");
  const auto too_early = restore("tall tower", record_path, machine, files);
  ASSERT_TRUE(too_early);
  EXPECT_FALSE(too_early->restored);
  EXPECT_TRUE(*files.exists(record_path)) << "the record must outlive the password";
  machine.restart();
  const auto restored = restore("tall tower", record_path, machine, files);
  ASSERT_TRUE(restored) << restored.error().text();
  machine.restart();
  EXPECT_EQ(machine.password(), "");
}

// Runs `act` again and again, with the power failing after the nth write to the firmware, then to the record, until no cut falls into it.
template <typename Act, typename Judge>
int cut_everywhere(bool in_files, const Act& act, const Judge& judge) {
  int cuts = 0;
  for (std::uint64_t nth = 1;; ++nth) {
    BehavingFirmware machine(dell());
    machine.lock_with("owner's own");
    MemoryFiles files(nth);
    if (in_files)
      files.cut_at(nth);
    else
      machine.cut_after(nth);
    const bool was_cut = !act(machine, files);
    machine.power_on();
    if (files.is_off()) files.cut_power();
    files.power_on();
    if (!was_cut) return cuts;
    ++cuts;
    EXPECT_TRUE(act(machine, files)) << "after cut " << nth;
    judge(machine, files, nth);
  }
}

TEST(FirmwareApply, IsFinishedAfterACutAtAnyWrite) {
  const auto act = [](BehavingFirmware& machine, MemoryFiles& files) { return apply(leased, "owner's own", record_path, machine, files).has_value(); };
  const auto judge = [](BehavingFirmware& machine, MemoryFiles& files, std::uint64_t nth) {
    EXPECT_EQ(machine.value("WakeOnLan"), "LanOnly") << nth;
    EXPECT_EQ(machine.value("AcPwrRcvry"), "On") << nth;
    ASSERT_TRUE(restore("owner's own", record_path, machine, files)) << nth;
    EXPECT_EQ(machine.value("WakeOnLan"), "Disabled") << nth << ": the original, not what a cut run had set";
    EXPECT_EQ(machine.value("AcPwrRcvry"), "Last") << nth;
  };
  const int in_firmware = cut_everywhere(false, act, judge);
  const int in_record = cut_everywhere(true, act, judge);
  EXPECT_GE(in_firmware, 4);
  EXPECT_GE(in_record, 1);
  std::cout << in_firmware << " cuts in the firmware, " << in_record << " in the record\n";
}

TEST(FirmwareRestore, IsFinishedAfterACutAtAnyWrite) {
  const auto act = [](BehavingFirmware& machine, MemoryFiles& files) {
    const FirmwareRecord record{{{"dell-wmi-sysman", "WakeOnLan", "LanWithPxeBoot", "Disabled"}, {"dell-wmi-sysman", "AcPwrRcvry", "On", "Last"}}, {}};
    const bool begun = machine.value("WakeOnLan") != "Disabled" || files.exists(record_path).value_or(false);
    if (!begun && !files.replace(record_path, text_of(record), images::files::Access::OwnerOnly)) return false;
    const auto restored = restore("owner's own", record_path, machine, files);
    return restored && restored->restored;
  };
  const auto judge = [](BehavingFirmware& machine, MemoryFiles& files, std::uint64_t nth) {
    EXPECT_EQ(machine.value("WakeOnLan"), "LanWithPxeBoot") << nth;
    EXPECT_EQ(machine.value("AcPwrRcvry"), "On") << nth;
    EXPECT_FALSE(*files.exists(record_path)) << nth;
    EXPECT_FALSE(machine.has_open_session());
  };
  const int cuts = cut_everywhere(false, act, judge) + cut_everywhere(true, act, judge);
  EXPECT_GE(cuts, 4);
  std::cout << cuts << " cuts\n";
}

}  // namespace
}  // namespace provision::firmware

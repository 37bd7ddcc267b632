// Goal: the fake and the real part are the same port. Method: the contract, on firmware that behaves and on a tree of files.
#include "images/files/posix_files.h"
#include "provision/firmware/sysfs_firmware.h"
#include "tests/contracts/firmware_attributes_contract.h"
#include "tests/fakes/behaving_firmware.h"
#include "tests/provision/firmware/sysfs_tree.h"

namespace tests::contracts {
namespace {

class FakeSubject final : public FirmwareSubject {
 public:
  FakeSubject() : fake_(devices()) {}
  firmware::FirmwareAttributes& firmware() override { return fake_; }

 private:
  static std::vector<firmware::Device> devices() {
    firmware::Device device;
    device.name = "test-firmware";
    device.attributes = {{"Delay", firmware::AttributeType::Integer, "3", {}, 0, 10, 1, {}},
                         {"Tag", firmware::AttributeType::String, "blue", {}, {}, {}, {}, 32},
                         {"Wake", firmware::AttributeType::Enumeration, "Off", {"Off", "On"}, {}, {}, {}, {}}};
    device.authentications = {{"Admin", "bios-admin", false, 4, 16}};
    return {device};
  }
  fakes::BehavingFirmware fake_;
};

class SysfsSubject final : public FirmwareSubject {
 public:
  SysfsSubject() : sysfs_(files_, tree_.root()) {
    tree_.put("test-firmware/attributes/pending_reboot", "0");
    tree_.enumeration("test-firmware", "Wake", "Off", "Off;On;");
    const auto values = [&](const std::string& name, const std::vector<std::pair<std::string, std::string>>& all) {
      for (const auto& [file, value] : all) tree_.put("test-firmware/attributes/" + name + "/" + file, value);
    };
    values("Delay", {{"type", "integer"}, {"current_value", "3"}, {"min_value", "0"}, {"max_value", "10"}, {"scalar_increment", "1"}});
    values("Tag", {{"type", "string"}, {"current_value", "blue"}, {"max_length", "32"}});
    tree_.administrator("test-firmware", false);
    tree_.put("test-firmware/authentication/Admin/max_password_length", "16");
  }
  firmware::FirmwareAttributes& firmware() override { return sysfs_; }

 private:
  provision::firmware::SysfsTree tree_;
  images::files::PosixFiles files_;
  firmware::SysfsFirmware sysfs_;
};

template <typename Subject>
std::unique_ptr<FirmwareSubject> make() {
  return std::make_unique<Subject>();
}

INSTANTIATE_TEST_SUITE_P(Fake, FirmwareAttributesContract, ::testing::Values(make<FakeSubject>));
INSTANTIATE_TEST_SUITE_P(Sysfs, FirmwareAttributesContract, ::testing::Values(make<SysfsSubject>));

}  // namespace
}  // namespace tests::contracts

// Goal: every FirmwareAttributes keeps the port's promises. Method: one suite, run on each implementation. The subject has one device,
// "test-firmware", with the enumeration "Wake" (Off, On; now Off), the integer "Delay" (0 to 10; now 3), the string "Tag" (now "blue"), and
// the authentication "Admin" (bios-admin, not set, 4 to 16 bytes).
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "provision/firmware/firmware_attributes.h"

namespace tests::contracts {
using namespace policies::vocabulary;
namespace firmware = provision::firmware;

class FirmwareSubject {
 public:
  virtual ~FirmwareSubject() = default;
  virtual firmware::FirmwareAttributes& firmware() = 0;
};
using MakeFirmwareSubject = std::unique_ptr<FirmwareSubject> (*)();

class FirmwareAttributesContract : public ::testing::TestWithParam<MakeFirmwareSubject> {
 protected:
  void SetUp() override { subject_ = GetParam()(); }
  firmware::FirmwareAttributes& port() { return subject_->firmware(); }
  firmware::Device device() {
    auto devices = port().read();
    EXPECT_TRUE(devices) << devices.error().text();
    EXPECT_EQ(devices->size(), 1U);
    return devices->front();
  }
  std::unique_ptr<FirmwareSubject> subject_;
};

TEST_P(FirmwareAttributesContract, TellsEachAttributeWithWhatItTakes) {
  const firmware::Device found = device();
  EXPECT_EQ(found.name, "test-firmware");
  EXPECT_FALSE(found.pending_reboot);
  const firmware::Attribute* wake = found.attribute("Wake");
  ASSERT_NE(wake, nullptr);
  EXPECT_EQ(wake->type, firmware::AttributeType::Enumeration);
  EXPECT_EQ(wake->current, "Off");
  EXPECT_EQ(wake->possible, (std::vector<std::string>{"Off", "On"}));
  const firmware::Attribute* delay = found.attribute("Delay");
  ASSERT_NE(delay, nullptr);
  EXPECT_EQ(delay->type, firmware::AttributeType::Integer);
  EXPECT_EQ(delay->highest, 10);
  EXPECT_EQ(found.attribute("Tag")->type, firmware::AttributeType::String);
  EXPECT_EQ(found.attribute("nothing"), nullptr);
  const firmware::Authentication* administrator = found.administrator();
  ASSERT_NE(administrator, nullptr);
  EXPECT_EQ(administrator->name, "Admin");
  EXPECT_FALSE(administrator->enabled);
  EXPECT_EQ(administrator->length_max, 16);
}

TEST_P(FirmwareAttributesContract, SetsAndReadsBack) {
  for (const auto& [attribute, value] : {std::pair{"Wake", "On"}, {"Delay", "7"}, {"Tag", "dark red"}}) {
    ASSERT_TRUE(port().set("test-firmware", attribute, value));
    EXPECT_EQ(device().attribute(attribute)->current, value);
  }
  ASSERT_TRUE(port().set("test-firmware", "Wake", "Off")) << "a shorter value leaves nothing of the longer";
  EXPECT_EQ(device().attribute("Wake")->current, "Off");
}

TEST_P(FirmwareAttributesContract, KnowsNoOthers) {
  EXPECT_EQ(port().set("test-firmware", "Absent", "On").error().code, ErrorCode::NotFound);
  EXPECT_EQ(port().set("other", "Wake", "On").error().code, ErrorCode::NotFound);
  EXPECT_EQ(port().begin_session("test-firmware", "Absent", "x").error().code, ErrorCode::NotFound);
  for (const char* name : {"", ".", "..", "a/b", "../Wake", "a\nb"}) {
    EXPECT_EQ(port().set("test-firmware", name, "On").error().code, ErrorCode::InvalidInput) << name;
    EXPECT_EQ(port().set(name, "Wake", "On").error().code, ErrorCode::InvalidInput) << name;
    EXPECT_EQ(port().set_password("test-firmware", name, "On").error().code, ErrorCode::InvalidInput) << name;
  }
  EXPECT_EQ(device().attribute("Wake")->current, "Off");
}

TEST_P(FirmwareAttributesContract, OpensAndClosesASessionAndTakesAPassword) {
  ASSERT_TRUE(port().begin_session("test-firmware", "Admin", ""));
  ASSERT_TRUE(port().set_password("test-firmware", "Admin", "secret"));
  ASSERT_TRUE(port().end_session("test-firmware", "Admin"));
}

}  // namespace tests::contracts

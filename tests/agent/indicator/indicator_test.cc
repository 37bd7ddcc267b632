// Goal: the light is on exactly while leased work runs, is put back whatever happens, and never holds up work. Method: a LED in memory that
// can refuse, power cuts at each write, and the real part on a folder as the kernel shows it.
#include "agent/indicator/indicator.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "images/files/posix_files.h"
#include "tests/fakes/memory_files.h"

namespace agent::indicator {
namespace {

using tests::fakes::MemoryFiles;
const std::string memory = "/indicator";

// The state outlives the object, as the LED outlives the process.
struct Light {
  LedState state{"heartbeat", "1"};
  bool refuses = false;
  int writes = 0;
};

class FakeLed final : public Led {
 public:
  explicit FakeLed(Light& light) : light_(light) {}
  Result<LedState> read() override { return light_.state; }
  Result<std::string> brightness_max() override { return std::string("255"); }
  Done set_trigger(const std::string& trigger) override {
    if (Done done = write(); !done) return done;
    light_.state = {trigger, "0"};
    return {};
  }
  Done set_brightness(const std::string& brightness) override {
    if (Done done = write(); !done) return done;
    light_.state.brightness = brightness;
    return {};
  }

 private:
  Done write() {
    ++light_.writes;
    if (light_.refuses) return Error{ErrorCode::IoFailure, "unplugged", {}};
    return {};
  }
  Light& light_;
};

const LedState lit{"none", "255"};

TEST(Indicator, IsLitWhileWorkRunsAndPutBackAfter) {
  Light light;
  MemoryFiles files;
  Indicator indicator(std::make_unique<FakeLed>(light), files, memory);
  ASSERT_TRUE(indicator.resume());
  ASSERT_TRUE(indicator.show(false));
  EXPECT_EQ(light.writes, 0);
  ASSERT_TRUE(indicator.show(true));
  EXPECT_EQ(light.state, lit);
  const int writes = light.writes;
  ASSERT_TRUE(indicator.show(true));
  EXPECT_EQ(light.writes, writes) << "nothing is written when nothing changes";
  ASSERT_TRUE(indicator.show(false));
  EXPECT_EQ(light.state.trigger, "heartbeat");
  EXPECT_FALSE(*files.exists(memory));
}

TEST(Indicator, PutsBackABrightnessThatNoTriggerDrives) {
  Light light;
  light.state = {"none", "40"};
  MemoryFiles files;
  {
    Indicator indicator(std::make_unique<FakeLed>(light), files, memory);
    ASSERT_TRUE(indicator.show(true));
    EXPECT_EQ(light.state, lit);
  }
  EXPECT_EQ(light.state, (LedState{"none", "40"})) << "at the end of the process, too";
}

TEST(Indicator, PutsBackWhatACutRunLeftLit) {
  for (std::uint64_t nth = 1; nth <= 2; ++nth) {
    Light light;
    MemoryFiles files(nth);
    {
      // Never destroyed: a process whose power fails runs no destructor.
      auto* indicator = new Indicator(std::make_unique<FakeLed>(light), files, memory);
      static auto& cut_off = *new std::vector<Indicator*>();
      cut_off.push_back(indicator);
      if (nth == 1) files.cut_at(1);
      (void)indicator->show(true).has_value();
      files.cut_power();
      files.power_on();
    }
    const bool was_lit = light.state == lit;
    EXPECT_TRUE(!was_lit || *files.exists(memory)) << "never lit without the way back";
    Indicator next(std::make_unique<FakeLed>(light), files, memory);
    ASSERT_TRUE(next.resume());
    EXPECT_EQ(light.state.trigger, "heartbeat");
    EXPECT_FALSE(*files.exists(memory));
  }
}

TEST(Indicator, ComplainsOnceAboutALedThatRefuses) {
  Light light;
  light.refuses = true;
  MemoryFiles files;
  Indicator indicator(std::make_unique<FakeLed>(light), files, memory);
  EXPECT_FALSE(indicator.show(true));
  EXPECT_TRUE(indicator.show(false));
  EXPECT_TRUE(indicator.show(true));
  light.refuses = false;
  EXPECT_TRUE(indicator.show(false));
  EXPECT_EQ(light.state.trigger, "heartbeat");
  EXPECT_TRUE(indicator.show(true));
  EXPECT_EQ(light.state, lit) << "it works again when the LED does";
}

TEST(Indicator, WithoutALedShowsNothing) {
  MemoryFiles files;
  Indicator indicator(nullptr, files, memory);
  EXPECT_TRUE(indicator.resume());
  EXPECT_TRUE(indicator.show(true));
  EXPECT_FALSE(*files.exists(memory));
}

TEST(Indicator, ForgetsAMemoryThatCannotBeRead) {
  for (const char* text : {"", "\n", "none", "none\n", "none\n12", "no ne\n1\n", "none\n1x\n", "none\n99999999999\n", "none\n1\n2\n"}) {
    EXPECT_FALSE(state_from(text)) << text;
    Light light;
    MemoryFiles files;
    ASSERT_TRUE(files.replace(memory, text, images::files::Access::OwnerOnly));
    Indicator indicator(std::make_unique<FakeLed>(light), files, memory);
    EXPECT_FALSE(indicator.resume());
    EXPECT_TRUE(indicator.show(true)) << "and works on";
    EXPECT_EQ(light.state, lit);
  }
  EXPECT_EQ(*state_from(text_of({"phy0tx", "0"})), (LedState{"phy0tx", "0"}));
}

TEST(Trigger, IsTheOneInBrackets) {
  EXPECT_EQ(trigger_in("none rfkill-any [heartbeat] timer"), "heartbeat");
  EXPECT_EQ(trigger_in("[none] timer"), "none");
  EXPECT_EQ(trigger_in("none"), "none");
  for (const char* text : {"none timer", "", "] [", "[open"}) EXPECT_TRUE(trigger_in(text).empty() || trigger_in(text) == "[open") << text;
}

TEST(SysfsLed, IsReadAndWrittenAsTheKernelShowsIt) {
  std::string name = testing::TempDir() + "ledsXXXXXX";
  const std::string folder = mkdtemp(name.data());
  const auto put = [&](const std::string& attribute, const std::string& text) { std::ofstream(folder + "/chassis:green:indicator/" + attribute) << text << "\n"; };
  const auto get = [&](const std::string& attribute) {
    std::ifstream stream(folder + "/chassis:green:indicator/" + attribute);
    return std::string(std::istreambuf_iterator<char>(stream), {});
  };
  std::filesystem::create_directory(folder + "/chassis:green:indicator");
  put("trigger", "none kbd-scrolllock disk-activity [heartbeat] timer");
  put("brightness", "0");
  put("max_brightness", "255");
  auto led = open_sysfs_led(folder, "chassis:green:indicator");
  ASSERT_TRUE(led) << led.error().text();
  EXPECT_EQ(*(*led)->read(), (LedState{"heartbeat", "0"}));
  images::files::PosixFiles files;
  {
    Indicator indicator(*std::move(led), files, folder + "/memory");
    ASSERT_TRUE(indicator.show(true));
    EXPECT_EQ(get("trigger"), "none\n");
    EXPECT_EQ(get("brightness"), "255\n");
  }
  EXPECT_EQ(get("trigger"), "heartbeat\n");
  EXPECT_EQ(open_sysfs_led(folder, "absent").error().code, ErrorCode::NotFound);
  for (const char* bad : {"", "..", "../chassis:green:indicator", "."}) EXPECT_EQ(open_sysfs_led(folder, bad).error().code, ErrorCode::InvalidInput) << bad;
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace agent::indicator

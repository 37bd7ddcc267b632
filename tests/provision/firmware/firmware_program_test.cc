// Goal: the shipped program sets a machine's firmware with its disk, keeps what was there at the station and on the machine, and puts it back
// with the release. Method: trees of the kernel's class in folders, as three makers' drivers show them, and a disk image.
#include <sys/wait.h>

#include <boost/json.hpp>
#include <cstdio>

#include "images/bundle/bundle.h"
#include "images/files/posix_files.h"
#include "images/keys/key_files.h"
#include "provision/firmware/firmware_plan.h"
#include "tests/provision/firmware/sysfs_tree.h"

namespace provision::firmware {
namespace {

const std::string sources = LEASEBACK_SOURCE_DIR;
const std::string rules = " --rules " + sources + "/policies/rules";
std::string example(const std::string& name) { return sources + "/provision/order/examples/" + name + ".yaml"; }

class FirmwareProgram : public testing::Test {
 protected:
  struct Said {
    int status = 0;
    std::string text;  // of both streams
  };
  Said run(const std::string& command) const {
    FILE* pipe = popen(("cd " + tree.root() + " && ( PATH=" LEASEBACK_BINARY_DIR "/bin:$PATH; " + command + " ) 2>&1").c_str(), "r");
    Said said;
    for (int c = fgetc(pipe); c != EOF; c = fgetc(pipe)) said.text += static_cast<char>(c);
    said.status = WEXITSTATUS(pclose(pipe));
    return said;
  }
  [[nodiscard]] std::string value(const std::string& device, const std::string& attribute) const {
    std::string text = tree.text(device + "/attributes/" + attribute + "/current_value");
    while (text.ends_with('\n')) text.pop_back();
    return text;
  }
  SysfsTree tree;
};

TEST_F(FirmwareProgram, ShowsAppliesAndRestoresOnThreeMakersMachines) {
  struct Maker {
    void (SysfsTree::*make)() const;
    std::string device;
    std::string attribute;
    std::string before;
    std::string after;
  };
  const std::vector<Maker> makers = {{&SysfsTree::dell, "dell-wmi-sysman", "WakeOnLan", "Disabled", "LanOnly"},
                                     {&SysfsTree::lenovo, "thinklmi", "WakeOnLAN", "Disable", "ACOnly"},
                                     {&SysfsTree::hp, "hp-bioscfg", "Wake On LAN", "Disabled", "Boot to Hard Drive"}};
  for (const Maker& maker : makers) {
    SCOPED_TRACE(maker.device);
    ASSERT_EQ(run("rm -rf sys").status, 0);
    (tree.*maker.make)();
    tree.put(maker.device + "/attributes/" + maker.attribute + "/current_value", maker.before);
    const auto shown = boost::json::parse(run("leaseback-provision firmware show --sysroot . --json").text).as_object();
    EXPECT_EQ(shown.at("devices").at(0).at("device").as_string(), maker.device);
    const Said applied = run("leaseback-provision firmware apply " + example("home-alice") + " --record record.json --sysroot ." + rules);
    EXPECT_EQ(applied.status, 0) << applied.text;
    EXPECT_EQ(value(maker.device, maker.attribute), maker.after);
    EXPECT_NE(run("leaseback-provision firmware apply " + example("home-alice") + " --record record.json --sysroot ." + rules).text.find("No changes."),
              std::string::npos);
    const Said restored = run("leaseback-provision firmware restore --record record.json --sysroot .");
    EXPECT_EQ(restored.status, 0) << restored.text;
    EXPECT_EQ(value(maker.device, maker.attribute), maker.before);
    EXPECT_NE(run("test -e record.json").status, 0) << "the record goes when all is back";
  }
}

TEST_F(FirmwareProgram, TellsOfAMachineWithoutTheClass) {
  tree.put("/sys/class/dmi/id/product_name", "Home PC");
  const Said applied = run("leaseback-provision firmware apply " + example("home-alice") + " --record record.json --sysroot ." + rules);
  EXPECT_EQ(applied.status, 0) << applied.text;
  EXPECT_NE(applied.text.find("no firmware attributes"), std::string::npos);
  EXPECT_NE(run("test -e record.json").status, 0);
}

TEST_F(FirmwareProgram, TakesThePasswordFromAFileOrStandardInputAndLeavesNoTrace) {
  tree.dell();
  tree.administrator("dell-wmi-sysman", true);
  const std::string apply = "leaseback-provision firmware apply " + example("home-alice") + " --record record.json --sysroot ." + rules;
  const Said refused = run(apply);
  EXPECT_EQ(refused.status, 4) << refused.text;
  EXPECT_EQ(value("dell-wmi-sysman", "WakeOnLan"), "Disabled");
  EXPECT_NE(run("test -e record.json").status, 0);
  const Said applied = run("echo 'tall tower' | " + apply + " --password-file -");
  EXPECT_EQ(applied.status, 0) << applied.text;
  EXPECT_EQ(value("dell-wmi-sysman", "WakeOnLan"), "LanOnly");
  EXPECT_EQ(tree.text("dell-wmi-sysman/authentication/Admin/current_password"), "\n") << "the session is closed";
  EXPECT_EQ(applied.text.find("tower"), std::string::npos);
  ASSERT_EQ(run("echo 'tall tower' > admin.pass").status, 0);
  EXPECT_EQ(run("leaseback-provision firmware restore --record record.json --sysroot . --password-file admin.pass").status, 0);
  EXPECT_EQ(run("grep -rl 'tall tower' . | grep -v admin.pass").text, "");
}

TEST_F(FirmwareProgram, RefusesARecordThatIsNone) {
  tree.dell();
  ASSERT_EQ(run("echo '{\"format\": \"leaseback-firmware-1\", \"attributes\": [{\"device\": \"..\", \"attribute\": \"x\", \"original\": \"\", \"set_to\": \"\"}], "
                "\"passwords\": []}' > record.json").status, 0);
  const Said refused = run("leaseback-provision firmware restore --record record.json --sysroot .");
  EXPECT_EQ(refused.status, 1) << refused.text;
  EXPECT_NE(refused.text.find("reading record.json"), std::string::npos) << refused.text;
}

// A disk with the agent needs its bundle.
void make_bundle(const SysfsTree& tree) {
  images::files::PosixFiles files;
  const auto key = *images::keys::PrivateKey::generate(images::keys::KeyKind::SigningKey);
  std::ofstream(tree.path("agent")) << "the agent\n";
  const images::bundle::PackOrder order{
      "leaseback-agent", "1.2.3", "amd64", {{images::bundle::EntryKind::File, "/usr/lib/leaseback/leaseback-agent", 0755, tree.path("agent"), {}}}};
  ASSERT_TRUE(images::bundle::pack(files, order, tree.path("agent.bundle")));
  ASSERT_TRUE(images::bundle::sign(files, tree.path("agent.bundle"), key));
  ASSERT_TRUE(images::keys::write_public_key(files, tree.path("release.pem"), key.public_key()));
}

TEST_F(FirmwareProgram, GoesWithTheDiskAndBackWithItsRelease) {
  std::filesystem::copy(sources + "/tests/provision/hardware/machines/home-pc", tree.root(), std::filesystem::copy_options::recursive);
  tree.dell();
  make_bundle(tree);
  ASSERT_EQ(run("leaseback-provision line init --station station").status, 0);
  const std::string apply = "leaseback-provision disk apply " + example("home-alice") +
                            " --disk alice.img --create-image --station station --bundle agent.bundle --bundle-key release.pem --machine ." + rules;
  const Said rehearsed = run(apply + " --dry-run");
  EXPECT_EQ(rehearsed.status, 0) << rehearsed.text;
  EXPECT_NE(rehearsed.text.find("would set WakeOnLan of dell-wmi-sysman from Disabled to LanOnly"), std::string::npos) << rehearsed.text;
  EXPECT_EQ(value("dell-wmi-sysman", "WakeOnLan"), "Disabled") << "a dry run sets nothing";
  const Said applied = run(apply + " --json");
  ASSERT_EQ(applied.status, 0) << applied.text;
  EXPECT_NE(applied.text.find("set AcPwrRcvry of dell-wmi-sysman from Off to On"), std::string::npos) << "it is in the report";
  EXPECT_EQ(value("dell-wmi-sysman", "WakeOnLan"), "LanOnly");
  EXPECT_NE(run(apply).text.find("No changes."), std::string::npos);

  // What the machine then finds in its state folder is the station's record.
  const auto shown = boost::json::parse(run("leaseback-provision disk show alice.img --json").text).as_object();
  std::string start;
  for (const auto& partition : shown.at("partitions").as_array())
    if (partition.at("name").as_string().find("ystem") != std::string::npos && start.empty()) start = std::to_string(partition.at("start_bytes").as_int64());
  ASSERT_EQ(run("mkdir -p var/lib/leaseback && debugfs -R 'dump /var/lib/leaseback/firmware.json var/lib/leaseback/firmware.json' 'alice.img?offset=" + start + "'").status, 0);
  EXPECT_EQ(run("cmp var/lib/leaseback/firmware.json station/runs/home-alice/firmware.json").text, "");

  const Said released = run("leaseback-provision disk release alice.img --operator 'Olga Ortiz' --station work --machine .");
  EXPECT_EQ(released.status, 0) << released.text;
  EXPECT_EQ(value("dell-wmi-sysman", "WakeOnLan"), "Disabled") << released.text;
  EXPECT_EQ(value("dell-wmi-sysman", "AcPwrRcvry"), "Off");
  EXPECT_NE(run("test -e work/firmware.json").status, 0);
}

TEST_F(FirmwareProgram, LetsALockedFirmwareHoldUpNoRelease) {
  std::filesystem::copy(sources + "/tests/provision/hardware/machines/home-pc", tree.root(), std::filesystem::copy_options::recursive);
  tree.dell();
  make_bundle(tree);
  ASSERT_EQ(run("leaseback-provision line init --station station").status, 0);
  ASSERT_EQ(run("leaseback-provision disk apply " + example("home-alice") +
                " --disk alice.img --create-image --station station --bundle agent.bundle --bundle-key release.pem --machine ." + rules).status, 0);
  ASSERT_EQ(run("mkdir -p var/lib/leaseback && cp station/runs/home-alice/firmware.json var/lib/leaseback/").status, 0);
  tree.administrator("dell-wmi-sysman", true);
  const Said released = run("leaseback-provision disk release alice.img --operator 'Olga Ortiz' --station work --machine .");
  EXPECT_EQ(released.status, 0) << released.text;
  EXPECT_NE(released.text.find("the firmware was not put back"), std::string::npos) << released.text;
  ASSERT_EQ(run("echo 'tall tower' > admin.pass").status, 0);
  EXPECT_EQ(run("leaseback-provision firmware restore --record work/firmware.json --sysroot . --password-file admin.pass").status, 0) << "with the record that was kept";
  EXPECT_EQ(value("dell-wmi-sysman", "WakeOnLan"), "Disabled");
}

}  // namespace
}  // namespace provision::firmware

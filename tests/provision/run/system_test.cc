// Goal: a signed bundle of an operating system becomes a disk that holds just that system, with settings, agent and boot files;
// what cannot be trusted or does not fit never reaches a disk; what was killed is finished. Method: the shipped programs on
// sparse images, with a small system made by tar and mke2fs; debugfs, e2fsck, dumpe2fs and mtools judge.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "images/bundle/image_map.h"
#include "policies/vocabulary/random.h"
#include "tests/provision/run/workshop.h"

namespace provision::run {
namespace {

const std::string order = LEASEBACK_SOURCE_DIR "/provision/order/examples/home-alice.yaml";
const std::string rules = " --rules " LEASEBACK_SOURCE_DIR "/policies/rules";
const std::string others = " --station station --bundle agent.bundle --bundle-key release.pem";

// A system of a few files with everything that a real one has. 21 MB that do not compress; the raw image of it has holes.
constexpr const char* make_system = R"(set -e
mkdir -p root/etc/systemd/system/multi-user.target.wants root/usr/bin root/usr/lib/systemd/system root/var/lib root/var/mail root/dev root/tmp
cd root
ln -s usr/bin bin; ln -s usr/lib lib
echo hello > usr/bin/hello; ln usr/bin/hello usr/bin/hello2; chmod 4755 usr/bin/hello
chown 1000:70000 var/lib; chmod 2775 var/mail; chmod 1777 tmp
mknod dev/null c 1 3; mknod dev/big b 259 70000; mkfifo -m 0620 dev/pipe
touch "usr/lib/Főtan.crt"
python3 - <<'PY'
import os
os.setxattr('usr/bin/hello', 'security.capability', bytes.fromhex('0100000200200000000000000000000000000000'))
os.setxattr('usr/lib', 'user.note', b'kept')
os.setxattr('var/mail', 'system.posix_acl_default', bytes.fromhex('02000000' '01000700ffffffff' '04000700ffffffff' '08000700e8030000' '10000700ffffffff' '20000500ffffffff'))
PY
for unit in nftables systemd-networkd NetworkManager systemd-resolved systemd-timesyncd; do echo "[Unit]" > usr/lib/systemd/system/$unit.service; done
ln -s /lib/systemd/system/NetworkManager.service etc/systemd/system/multi-user.target.wants/NetworkManager.service
echo "nameserver 203.0.113.1" > etc/resolv.conf
for i in 1 2 3 4 5; do head -c 4200000 /dev/urandom > var/lib/data$i; done
cd ..
tar --xattrs --xattrs-include='*' --format=pax -C root -cf root.tar .
truncate -s 600M root.ext4
mke2fs -q -t ext4 -d root root.ext4
head -c 3000000 /dev/urandom > vmlinuz
echo initrd > initrd.img
echo loader > loader.efi
)";

std::string list_text(const std::string& kind, const std::string& from) {
  return "kind: " + kind + "\nname: tiny\nfrom: " + from +
         "\nkernel: /boot/efi/tiny/vmlinuz\ninitrd: /boot/efi/tiny/initrd.img\nkernel_options: quiet\nentries:\n"
         "  - {kind: file, from: loader.efi, path: /boot/efi/EFI/BOOT/BOOTX64.EFI, mode: \"0644\"}\n"
         "  - {kind: file, from: vmlinuz, path: /boot/efi/tiny/vmlinuz, mode: \"0644\"}\n"
         "  - {kind: file, from: initrd.img, path: /boot/efi/tiny/initrd.img, mode: \"0644\"}\n";
}

class SystemProgram : public testing::Test {
 protected:
  void SetUp() override {
    write("make.sh", make_system);
    if (shop.run("sh make.sh").status != 0) GTEST_SKIP() << "no devices and attributes can be made here (needs root): " << text("stderr");
    for (const char* kind : {"os-archive", "os-image"}) {
      const bool archive = kind == std::string("os-archive");
      write("list.yaml", list_text(kind, archive ? "root.tar" : "root.ext4"));
      ok(std::string("leaseback-image bundle pack --list list.yaml --from . --version 1.0+1 --out ") + kind);
      ok(std::string("leaseback-image bundle sign ") + kind + " --key release.key");
      ok(std::string("leaseback-image bundle verify ") + kind + " --key release.pem");
    }
    ok("leaseback-provision line init --station station");
  }
  void write(const std::string& name, const std::string& bytes) { ASSERT_TRUE(shop.files.replace(shop.path(name), bytes, images::files::Access::Everyone)); }
  std::string text(const std::string& name) { return *shop.files.read(shop.path(name), mebibytes(1)); }
  Workshop::Said ok(const std::string& command) {
    Workshop::Said said = shop.run(command);
    EXPECT_EQ(said.status, 0) << command << "\n" << said.out << said.err;
    return said;
  }
  static std::string apply(const std::string& bundle, const std::string& disk = "disk.img") {
    return "leaseback-provision disk apply " + order + " --disk " + disk + " --create-image" + others + rules + " --image " + bundle +
           " --image-key release.pem";
  }
  std::string system_at(const std::string& disk = "disk.img") {
    const auto facts = shop.disks.read(shop.path(disk));
    for (const disk::PartitionFacts& partition : facts->partitions)
      if (partition.name == "system") return std::to_string(partition.extent.start.count);
    return "none";
  }
  // Lines of debugfs about one path.
  std::string debugfs(const std::string& request) { return shop.run("debugfs -R '" + request + "' 'disk.img?offset=" + system_at() + "'").out; }
  void expect_system_on_disk() {
    ok("e2fsck -fn 'disk.img?offset=" + system_at() + "'");
    EXPECT_NE(debugfs("stat /dev/null").find("character special    Mode:  0644"), std::string::npos);
    EXPECT_NE(debugfs("stat /dev/null").find("Device major/minor number: 01:03"), std::string::npos);
    EXPECT_NE(debugfs("stat /dev/big").find("Device major/minor number: 259:70000"), std::string::npos);
    EXPECT_NE(debugfs("stat /dev/pipe").find("FIFO    Mode:  0620"), std::string::npos);
    const std::string hello = debugfs("stat /usr/bin/hello2");
    EXPECT_NE(hello.find("Mode:  04755"), std::string::npos) << hello;
    EXPECT_NE(hello.find("Links: 2"), std::string::npos) << hello;
    EXPECT_NE(hello.find("security.capability (20) = 01 00 00 02 00 20"), std::string::npos) << hello;
    EXPECT_NE(debugfs("ea_list /var/mail").find("system.posix_acl_default"), std::string::npos);
    EXPECT_NE(debugfs("ea_list /usr/lib").find("user.note"), std::string::npos);
    EXPECT_NE(debugfs("stat /var/lib").find("User:  1000   Group: 70000"), std::string::npos);
    EXPECT_NE(debugfs("stat \"/usr/lib/Főtan.crt\"").find("Type: regular"), std::string::npos);
    for (int i = 1; i <= 5; ++i) {
      const std::string name = "data" + std::to_string(i);
      ok("sh -c \"debugfs -R 'dump /var/lib/" + name + " dumped' 'disk.img?offset=" + system_at() + "' && cmp dumped root/var/lib/" + name + "\"");
    }
    // The image enables NetworkManager, so its files are those that are there.
    EXPECT_NE(debugfs("cat /etc/NetworkManager/system-connections/ordered.nmconnection").find("type=ethernet"), std::string::npos);
    EXPECT_EQ(debugfs("ls /etc/systemd").find("network"), std::string::npos);
    EXPECT_NE(debugfs("stat /etc/resolv.conf").find("stub-resolv.conf"), std::string::npos);
    EXPECT_NE(debugfs("cat /etc/fstab").find(" / ext4 "), std::string::npos);
    EXPECT_NE(debugfs("stat /usr/lib/leaseback/leaseback-agent").find("Type: regular"), std::string::npos);
  }
  void expect_boot_files() {
    EXPECT_EQ(ok("mtype -i disk.img@@1048576 ::/EFI/BOOT/BOOTX64.EFI").out, "loader\n");
    ok("sh -c 'mcopy -n -i disk.img@@1048576 ::/tiny/vmlinuz kernel && cmp kernel vmlinuz'");
    const std::string machine = ok("sh -c \"mdir -b -i disk.img@@1048576 ::/loader/entries | sed 's/.*entries.//'\"").out;
    EXPECT_NE(machine.find("-1.0_1.conf"), std::string::npos) << machine;
    const std::string entry = ok("mtype -i disk.img@@1048576 ::/loader/entries/" + machine.substr(0, machine.find('\n'))).out;
    EXPECT_NE(entry.find("linux /tiny/vmlinuz\ninitrd /tiny/initrd.img\n"), std::string::npos) << entry;
    const auto facts = shop.disks.read(shop.path("disk.img"));
    EXPECT_NE(entry.find("options root=PARTUUID=" + facts->partitions.at(1).uuid + " rw quiet\n"), std::string::npos) << entry;
  }

  Workshop shop;
};

TEST_F(SystemProgram, PutsAnArchiveOntoTheDiskAndSaysNoChangesAfterwards) {
  ok(apply("os-archive"));
  expect_system_on_disk();
  expect_boot_files();
  EXPECT_EQ(ok(apply("os-archive")).out, "No changes.\n");
  EXPECT_EQ(ok("leaseback-provision disk verify " + order + " --disk disk.img" + others + rules).out, "As planned.\n");
}

TEST_F(SystemProgram, WritesARawImageGrowsItAndNamesIt) {
  const Workshop::Said said = ok(apply("os-image"));
  EXPECT_NE(said.err.find("grow the filesystem of partition 2"), std::string::npos) << said.err;
  expect_system_on_disk();
  expect_boot_files();
  const std::string head = ok("dumpe2fs -h 'disk.img?offset=" + system_at() + "'").out;
  EXPECT_NE(head.find("Filesystem volume name:   system"), std::string::npos) << head;
  const auto facts = shop.disks.read(shop.path("disk.img"));
  EXPECT_EQ(facts->partitions.at(1).filesystem.uuid, shop.run("blkid -p -s UUID -o value -O " + system_at() + " disk.img").out.substr(0, 36));
  EXPECT_GT(facts->partitions.at(1).filesystem.size + mebibytes(16), facts->partitions.at(1).extent.size);
  EXPECT_EQ(ok(apply("os-image")).out, "No changes.\n");
  EXPECT_EQ(ok("leaseback-provision disk verify " + order + " --disk disk.img" + others + rules + " --image os-image --image-key release.pem").out,
            "As planned.\n");
}

TEST_F(SystemProgram, FinishesWhatWasKilledAndEndsInTheSameSystem) {
  Random random(7);
  for (const char* kind : {"os-archive", "os-image"}) {
    ok("rm -rf disk.img station");
    ok("leaseback-provision line init --station station");
    int interrupted = 0;
    for (int round = 0; round < 6; ++round) {
      const pid_t child = fork();
      ASSERT_GE(child, 0);
      if (child == 0) {
        setpgid(0, 0);
        const std::string shell = "cd " + shop.path("") + " && PATH=" LEASEBACK_BINARY_DIR "/bin:$PATH exec " + apply(kind) + " >/dev/null 2>&1";
        execl("/bin/sh", "sh", "-c", shell.c_str(), nullptr);
        _exit(127);
      }
      setpgid(child, child);
      sigset_t children;
      sigemptyset(&children);
      sigaddset(&children, SIGCHLD);
      sigprocmask(SIG_BLOCK, &children, nullptr);
      const timespec moment{static_cast<time_t>(random.below(2)), static_cast<long>(random.below(1000)) * 1'000'000};
      if (sigtimedwait(&children, nullptr, &moment) < 0) ++interrupted;
      kill(-child, SIGKILL);
      waitpid(child, nullptr, 0);
      sigprocmask(SIG_UNBLOCK, &children, nullptr);
    }
    ok(apply(kind));
    expect_system_on_disk();
    expect_boot_files();
    EXPECT_EQ(ok(apply(kind)).out, "No changes.\n");
    std::cout << kind << ": " << interrupted << " of 6 runs were killed before their end (seed 7)\n";
  }
}

TEST_F(SystemProgram, RefusesWhatItCannotTrustBeforeAnythingIsWritten) {
  ok("leaseback-image key make --kind signing --out other.key");
  struct Bad {
    std::string name;
    std::string made_by;
    std::string said;
  };
  for (const char* kind : {"os-archive", "os-image"}) {
    const std::string from = kind;
    for (const Bad& bad : std::vector<Bad>{
             {"another signer's", "cp " + from + " bad && rm -f bad.sig && leaseback-image bundle sign bad --key other.key", "no good bundle signature"},
             {"without signature", "cp " + from + " bad && rm -f bad.sig", "bad.sig"},
             {"cut short", "head -c 10000000 " + from + " > bad && cp " + from + ".sig bad.sig", "not those that were signed"},
             {"damaged", "cp " + from + " bad && cp " + from + ".sig bad.sig && printf x | dd of=bad bs=1 seek=15000000 conv=notrunc", "not those that were signed"},
             {"an agent's", "cp agent.bundle bad && cp agent.bundle.sig bad.sig", "carries no operating system"}}) {
      SCOPED_TRACE(from + ", " + bad.name);
      ok("sh -c \"" + bad.made_by + "\"");
      const Workshop::Said said = shop.run(apply("bad"));
      EXPECT_NE(said.status, 0);
      EXPECT_NE(said.err.find(bad.said), std::string::npos) << said.err;
      EXPECT_FALSE(*shop.files.exists(shop.path("disk.img")));
    }
  }
}

TEST_F(SystemProgram, RefusesWhatDoesNotFitBeforeAnythingIsWritten) {
  ok("truncate -s 12G large.ext4");
  ok("mke2fs -q -t ext4 -E lazy_itable_init=1,lazy_journal_init=1 large.ext4");
  write("list.yaml", list_text("os-image", "large.ext4"));
  ok("leaseback-image bundle pack --list list.yaml --from . --version 1 --out large");
  ok("leaseback-image bundle sign large --key release.key");
  const Workshop::Said said = shop.run(apply("large"));
  EXPECT_NE(said.status, 0);
  EXPECT_NE(said.err.find("12 GiB"), std::string::npos) << said.err;
  EXPECT_FALSE(*shop.files.exists(shop.path("disk.img")));
}

TEST_F(SystemProgram, GoesOnWithTheSystemThatARunBeganWithAndNoOther) {
  ok(apply("os-archive"));
  EXPECT_NE(shop.run(apply("os-image")).err.find("began with the operating system tiny 1.0+1"), std::string::npos);
  const std::string without = "leaseback-provision disk apply " + order + " --disk disk.img" + others + rules;
  EXPECT_EQ(ok(without).out, "No changes.\n");
}

TEST_F(SystemProgram, RefusesImagesThatCannotKeepTheOrder) {
  ok("rm root/usr/lib/systemd/system/nftables.service");
  ok("tar --format=pax -C root -cf root.tar .");
  write("list.yaml", list_text("os-archive", "root.tar"));
  ok("leaseback-image bundle pack --list list.yaml --from . --version 2 --out open");
  ok("leaseback-image bundle sign open --key release.key");
  const Workshop::Said said = shop.run(apply("open"));
  EXPECT_NE(said.err.find("nftables"), std::string::npos) << said.err;
  EXPECT_FALSE(*shop.files.exists(shop.path("disk.img")));
}

}  // namespace
}  // namespace provision::run

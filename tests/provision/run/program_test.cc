// Goal: the shipped program turns orders into disks that other people's tools call right, finishes what was killed,
// gives disks back, and refuses what it should without writing anything. Method: run the real program on sparse images,
// and judge with sgdisk, sfdisk, parted, blkid, cryptsetup, debugfs and e2fsck.
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json.hpp>

#include "agent/contract/statements.h"
#include "images/keys/key_files.h"
#include "images/keys/statement.h"
#include "policies/vocabulary/random.h"
#include "tests/provision/run/workshop.h"

namespace provision::run {
namespace {

namespace contract = agent::contract;

const std::string sources = LEASEBACK_SOURCE_DIR;

std::string order_file(const std::string& name) { return sources + "/provision/order/examples/" + name + ".yaml"; }
const std::string rules = " --rules " + sources + "/policies/rules";
const std::string ingredients =
    " --station station --bundle agent.bundle --bundle-key release.pem --controller https://127.0.0.1:8443";

std::string apply_command(const std::string& order, const std::string& disk) {
  return "leaseback-provision disk apply " + order_file(order) + " --disk " + disk + " --create-image" + ingredients +
         rules;
}

class Program : public testing::Test {
 protected:
  void SetUp() override { ok("leaseback-provision line init --station station"); }
  Workshop::Said ok(const std::string& command) {
    Workshop::Said said = shop.run(command);
    EXPECT_EQ(said.status, 0) << command << "\n" << said.out << said.err;
    return said;
  }
  boost::json::object json(const std::string& command) {
    return boost::json::parse(ok(command + " --json").out).as_object();
  }
  // Of everything below a folder, names and bytes.
  std::string tree_of(const std::string& name) {
    return shop.run("find " + name + " -type f -exec sha256sum {} + | sort").out;
  }
  // Of a whole disk; holes cost nothing.
  std::string digest_of(const std::string& disk) {
    const auto digest = shop.disks.hash_region(shop.path(disk), {Bytes{0}, Bytes{*shop.files.size(shop.path(disk))}});
    return digest ? digest->text : digest.error().text();
  }
  contract::Receipt receipt_at(const std::string& path) {
    const auto statement = images::keys::parse_statement(*shop.files.read(shop.path(path), mebibytes(1)));
    EXPECT_TRUE(images::keys::verify_statement(
        *statement, *images::keys::read_public_key(shop.files, shop.path("station/line.pem")), contract::receipt_type));
    return *contract::receipt_from(statement->payload);
  }

  Workshop shop;
};

TEST_F(Program, BuildsTheExampleOrdersAsOtherToolsWantThem) {
  ok("sh -c \"sed 's/^lease: .*/lease: declined-at-order/; s/^order: .*/order: declined/' " +
     order_file("home-erin-declines") + " > declined.yaml\"");
  for (const std::string& order :
       {order_file("home-alice"), order_file("home-bob"), order_file("home-carol"), order_file("business-dan"),
        order_file("home-erin-declines"), std::string("declined.yaml")}) {
    SCOPED_TRACE(order);
    const bool declined = order == "declined.yaml";
    const std::string disk = order.substr(order.rfind('/') + 1) + ".img";
    const auto built =
        json("leaseback-provision disk apply " + order + " --disk " + disk + " --create-image" + ingredients + rules);
    EXPECT_EQ(built.at("outcome").as_string(), "changed");
    ok("leaseback-provision disk verify " + order + " --disk " + disk +
       ingredients.substr(0, ingredients.find(" --controller")) + rules);
    EXPECT_NE(ok("sgdisk -v " + disk).out.find("No problems found"), std::string::npos);
    EXPECT_NE(ok("sfdisk --verify " + disk).out.find("No errors detected"), std::string::npos);
    EXPECT_EQ(ok("parted -s " + disk + " print").out.find("Error"), std::string::npos);
    const auto& partitions = built.at("partitions").as_array();
    ASSERT_EQ(partitions.size(), declined ? 3U : 4U);
    for (const auto& partition : partitions) {
      const std::string offset = std::to_string(partition.at("start_bytes").as_int64());
      const std::string size = std::to_string(partition.at("size_bytes").as_int64());
      const std::string role(partition.at("role").as_string());
      const std::string wanted = role == "esp" ? "vfat" : role == "lease" ? "crypto_LUKS" : "ext4";
      EXPECT_NE(ok("blkid -p -O " + offset + " -S " + size + " " + disk).out.find("TYPE=\"" + wanted + "\""),
                std::string::npos)
          << role;
      if (wanted == "ext4") ok("e2fsck -fn '" + disk + "?offset=" + offset + "'");
      if (wanted != "crypto_LUKS") continue;
      EXPECT_EQ(partition.at("attributes").as_string(), "c000000000000000");
      ok("dd if=" + disk + " of=header bs=1M skip=" + std::to_string(partition.at("start_bytes").as_int64() >> 20) +
         " count=16");
      EXPECT_NE(ok("cryptsetup luksDump header").out.find("aes-xts-plain64"), std::string::npos);
    }
    const auto shown = json("leaseback-provision disk show " + disk);
    EXPECT_EQ(shown.at("agent_partition").is_null(), declined);
    EXPECT_EQ(receipt_at("station/receipts/" + std::string(built.at("order").as_string()) + ".json").table_after,
              images::keys::sha256(disk::canonical_text(*shop.disks.read(shop.path(disk)))));
    for (const char* key : {"machine", "voucher", "escrow"}) EXPECT_EQ(built.at(key).is_null(), declined) << key;
  }
}

TEST_F(Program, SaysNoChangesAndWritesNothingTheSecondTime) {
  ok(apply_command("home-alice", "alice.img"));
  struct stat before {};
  ASSERT_EQ(stat(shop.path("alice.img").c_str(), &before), 0);
  const std::string station = tree_of("station");
  const std::string bytes = digest_of("alice.img");
  EXPECT_EQ(ok(apply_command("home-alice", "alice.img")).out, "No changes.\n");
  struct stat after {};
  ASSERT_EQ(stat(shop.path("alice.img").c_str(), &after), 0);
  EXPECT_EQ(before.st_mtim.tv_sec, after.st_mtim.tv_sec);
  EXPECT_EQ(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
  EXPECT_EQ(digest_of("alice.img"), bytes);
  EXPECT_EQ(tree_of("station"), station);
}

TEST_F(Program, IsFinishedAfterBeingKilledAtAnyMoment) {
  Random random(20261121);
  int interrupted = 0;
  for (int round = 0; round < 10; ++round) {
    const std::string line = apply_command("home-alice", "killed.img");
    ok("rm -rf killed.img station/runs station/escrow station/vouchers station/receipts");
    ok("mkdir station/runs station/escrow station/vouchers station/receipts");
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      setpgid(0, 0);
      const std::string shell =
          "cd " + shop.path("") + " && PATH=" LEASEBACK_BINARY_DIR "/bin:$PATH exec " + line + " >/dev/null 2>&1";
      execl("/bin/sh", "sh", "-c", shell.c_str(), nullptr);
      _exit(127);
    }
    setpgid(child, child);
    // Waits for its end, or for a moment between none and some of its duration.
    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    sigprocmask(SIG_BLOCK, &children, nullptr);
    const timespec moment{0, static_cast<long>(random.below(700)) * 1'000'000};
    if (sigtimedwait(&children, nullptr, &moment) < 0) ++interrupted;
    kill(-child, SIGKILL);
    waitpid(child, nullptr, 0);
    sigprocmask(SIG_UNBLOCK, &children, nullptr);
    ok(line);
    ok("leaseback-provision disk verify " + order_file("home-alice") +
       " --disk killed.img --station station --bundle agent.bundle --bundle-key release.pem" + rules);
    EXPECT_EQ(ok(line).out, "No changes.\n");
    EXPECT_EQ(shop.run("test -e station/runs/home-alice/device.key").status, 1);
  }
  std::cout << "[ kills    ] " << interrupted << " of 10 runs were killed before their end\n";
}

TEST_F(Program, ReleasesByTheControllersOrderAndLeavesTheOwnersFiles) {
  const auto built = json(apply_command("home-alice", "alice.img"));
  shop.put_owner_files("alice.img", "customer");
  ok("leaseback-provision disk extract alice.img --from system:/var/lib/leaseback --to identity");
  const auto controller = *images::keys::PrivateKey::generate(images::keys::KeyKind::SigningKey);
  ASSERT_TRUE(images::keys::write_public_key(shop.files, shop.path("controller.pem"), controller.public_key()));
  const auto order_for = [&](const std::string& machine) {
    const contract::ReleaseOrder order{MachineId(machine), AgreementId("a-1"), "declined", true, "", shop.clock.now()};
    EXPECT_TRUE(shop.files.replace(
        shop.path("order.dsse"),
        *images::keys::sign_statement(contract::release_order_type, contract::payload_of(order), controller),
        images::files::Access::Everyone));
  };
  const std::string release =
      "leaseback-provision disk release alice.img --station work --order order.dsse --controller-key controller.pem "
      "--key identity/device.key";
  order_for(std::string(64, 'a'));
  const std::string bytes = digest_of("alice.img");
  EXPECT_EQ(shop.run(release).status, 4) << "an order for another machine must be refused";
  order_for(std::string(built.at("machine").as_string()));
  ok("leaseback-image key make --out other.key");
  std::string forged = release;
  forged.replace(forged.find("controller.pem"), std::string("controller.pem").size(), "other.pub");
  EXPECT_EQ(shop.run(forged).status, 4) << "an order of another controller must be refused";
  EXPECT_EQ(digest_of("alice.img"), bytes);

  const std::string printed = ok(release).out;
  const auto statement = images::keys::parse_statement(printed.substr(0, printed.find('\n')));
  ASSERT_TRUE(statement);
  const auto key = images::keys::read_private_key(shop.files, shop.path("identity/device.key"));
  EXPECT_TRUE(images::keys::verify_statement(*statement, key->public_key(), contract::receipt_type));
  const auto receipt = *contract::receipt_from(statement->payload);
  EXPECT_EQ(receipt.kind, contract::ReceiptKind::Released);
  EXPECT_EQ(receipt.freed.count,
            static_cast<std::uint64_t>(built.at("partitions").as_array().back().at("size_bytes").as_int64()));
  EXPECT_EQ(receipt.owner_files_before, receipt.owner_files_after);
  EXPECT_FALSE(receipt.owner_files_before.empty());
  EXPECT_TRUE(receipt.key_slots_destroyed);
  EXPECT_NE(ok("sgdisk -v alice.img").out.find("No problems found"), std::string::npos);
  const auto shown = json("leaseback-provision disk show alice.img");
  EXPECT_EQ(shown.at("partitions").as_array().size(), 3U);
  EXPECT_TRUE(shown.at("agent_partition").is_null());
  ok("leaseback-provision disk extract alice.img --from customer:/alice --to given-back");
  EXPECT_EQ(*shop.files.read(shop.path("given-back/letter.txt"), kibibytes(1)), "Dear Bob\n");
  EXPECT_EQ(ok(release).out, printed);
}

TEST_F(Program, LeavesNoSecretInLogsOrOnTheCommandLine) {
  const auto said = ok(apply_command("home-alice", "alice.img"));
  const std::string escrow = *shop.files.read(shop.path("station/escrow/home-alice.json"), mebibytes(1));
  const std::string key = escrow.substr(escrow.find("\"key\": \"") + 8, 64);
  EXPECT_EQ((said.out + said.err).find(key), std::string::npos);
  EXPECT_EQ(shop.files.read(shop.path("station/runs/home-alice/journal"), mebibytes(1))->find(key), std::string::npos);
  struct stat mode {};
  ASSERT_EQ(stat(shop.path("station/escrow/home-alice.json").c_str(), &mode), 0);
  EXPECT_EQ(mode.st_mode & 0777, 0600U);
  ok("leaseback-provision disk extract alice.img --from system:/var/lib/leaseback --to identity");
  ASSERT_EQ(stat(shop.path("identity/device.key").c_str(), &mode), 0);
  EXPECT_EQ(mode.st_mode & 0777, 0600U);
}

TEST_F(Program, RetrofitsAUsedDiskWithoutTouchingItsOwnersFiles) {
  const std::string order = "home-frank-retrofit";
  ok("truncate -s 20GB frank.img");
  ok("sh -c \"printf 'label: gpt\\nsize=512MiB,type=uefi,name=esp\\nname=franks\\n' | sfdisk -q frank.img\"");
  ok("mke2fs -q -t ext4 -E offset=$((513*1024*1024)),root_owner=1000:1000 frank.img 18500000k");
  shop.put_owner_files("frank.img", "franks");
  const std::string line =
      "leaseback-provision disk retrofit " + order_file(order) + " --disk frank.img" + ingredients + rules;
  const auto done = shop.run(line);
  ASSERT_EQ(done.status, 0) << done.err;
  const auto receipt = receipt_at("station/receipts/" + order + ".json");
  EXPECT_EQ(receipt.kind, contract::ReceiptKind::Retrofitted);
  EXPECT_EQ(receipt.owner_files_before, receipt.owner_files_after);
  EXPECT_FALSE(receipt.owner_files_before.empty());
  EXPECT_NE(ok("sgdisk -v frank.img").out.find("No problems found"), std::string::npos);
  ok("e2fsck -fn 'frank.img?offset='$((513*1024*1024))");
  EXPECT_EQ(ok(line).out, "No changes.\n");
  const auto released = json("leaseback-provision disk release frank.img --station work --operator Olga");
  EXPECT_EQ(std::string(released.at("owner_files_after").as_string()), receipt.owner_files_before.text);
}

TEST_F(Program, LeavesTheDiskAloneWhenARetrofitWasDeclined) {
  ok("truncate -s 20GB frank.img");
  ok("sh -c \"printf 'label: gpt\\nname=franks\\n' | sfdisk -q frank.img\"");
  ok("sh -c \"sed 's/^lease: .*/lease: declined-at-order/' " + order_file("home-frank-retrofit") +
     " > declined.yaml\"");
  const std::string bytes = digest_of("frank.img");
  const std::string line = "leaseback-provision disk retrofit declined.yaml --disk frank.img --station station" + rules;
  ok(line);
  EXPECT_EQ(digest_of("frank.img"), bytes);
  const auto receipt = receipt_at("station/receipts/home-frank-retrofit.json");
  EXPECT_EQ(receipt.kind, contract::ReceiptKind::Retrofitted);
  EXPECT_EQ(receipt.table_before, receipt.table_after);
  EXPECT_TRUE(receipt.machine.empty());
  EXPECT_EQ(ok(line).out, "No changes.\n");
}

TEST_F(Program, FindsWhatWasChangedBehindItsBack) {
  ok(apply_command("home-alice", "alice.img"));
  const std::string verify = "leaseback-provision disk verify " + order_file("home-alice") +
                             " --disk alice.img --station station --bundle agent.bundle --bundle-key release.pem" +
                             rules;
  ok(verify);
  ok("cp --sparse=always alice.img whole.img");
  const auto facts = *shop.disks.read(shop.path("alice.img"));
  const auto tamper = [&](const std::string& path, const std::string& text) {
    auto tree = *shop.disks.open_tree(shop.path("alice.img"), facts.partition(2)->extent, disk::TreeAccess::ReadWrite);
    ASSERT_TRUE(tree->put_file(path, text, {0644, 0, 0, 1}));
    ASSERT_TRUE(tree->commit());
  };
  for (const char* path : {"/usr/lib/leaseback/leaseback-agent", "/etc/leaseback/terms.json", "/etc/nftables.conf",
                           "/var/lib/leaseback/voucher.json"}) {
    ok("cp --sparse=always whole.img alice.img");
    tamper(path, "changed");
    const auto said = shop.run(verify);
    EXPECT_EQ(said.status, 1) << path;
  }
  ok("cp --sparse=always whole.img alice.img");
  ASSERT_TRUE(shop.disks.destroy_key_slots(shop.path("alice.img"), facts.lease()->extent));
  EXPECT_EQ(shop.run(verify).status, 1) << "a lease partition without its header";
  ok("cp --sparse=always whole.img alice.img");
  ok("mdel -i alice.img@@1048576 ::/loader/loader.conf");
  EXPECT_EQ(shop.run(verify).status, 1) << "a boot partition without its loader's settings";
}

TEST_F(Program, ChangesNothingForWhatItRefuses) {
  ok("truncate -s 40GB blank.img");
  const auto apply = [&](const std::string& order, const std::string& disk, const std::string& more) {
    return shop.run("leaseback-provision disk apply " + order + " --disk " + disk +
                    " --station station --bundle agent.bundle --bundle-key release.pem" + rules + more);
  };
  const auto untouched = [&](const std::string& disk, auto&& act) {
    const std::string bytes = digest_of(disk);
    const std::string station = tree_of("station");
    act();
    EXPECT_EQ(digest_of(disk), bytes);
    EXPECT_EQ(tree_of("station"), station);
  };
  untouched("blank.img", [&] {
    ok("sh -c \"sed 's/20 GB/20 gigs/' " + order_file("home-alice") + " > broken.yaml\"");
    const auto malformed = apply("broken.yaml", "blank.img", "");
    EXPECT_EQ(malformed.status, 1);
    EXPECT_NE(malformed.err.find("broken.yaml:"), std::string::npos) << malformed.err;
    ok("cp agent.bundle bad.bundle");
    ok("cp agent.bundle.sig bad.bundle.sig");
    ok("sh -c 'printf x >> bad.bundle'");
    const auto corrupt =
        shop.run("leaseback-provision disk apply " + order_file("home-alice") +
                 " --disk blank.img --station station --bundle bad.bundle --bundle-key release.pem" + rules);
    EXPECT_EQ(corrupt.status, 1) << corrupt.err;
    const auto no_bundle = shop.run("leaseback-provision disk apply " + order_file("home-alice") +
                                    " --disk blank.img --station station" + rules);
    EXPECT_EQ(no_bundle.status, 1);
    EXPECT_EQ(apply(order_file("home-frank-retrofit"), "blank.img", "").status, 4);
  });
  ok("truncate -s 20GB small.img");
  untouched("small.img", [&] {
    const auto small = apply(order_file("home-alice"), "small.img", "");
    EXPECT_EQ(small.status, 4);
    EXPECT_NE(small.err.find("40 GB"), std::string::npos) << small.err;
  });
  ok("sh -c \"printf 'label: gpt\\nname=photos\\n' | sfdisk -q blank.img\"");
  untouched("blank.img", [&] {
    const auto used = apply(order_file("home-alice"), "blank.img", "");
    EXPECT_EQ(used.status, 4);
    EXPECT_NE(used.err.find("photos"), std::string::npos) << used.err;
    EXPECT_EQ(apply(order_file("home-alice"), "blank.img", " --erase </dev/null").status, 4)
        << "erasing must be confirmed";
    EXPECT_EQ(apply(order_file("home-alice"), "blank.img", " --erase --dry-run").status, 0);
  });
  EXPECT_EQ(apply(order_file("home-alice"), "blank.img", " --erase --yes").status, 0);
  ok("truncate -s 40GB second.img");
  untouched("second.img", [&] {
    EXPECT_NE(apply(order_file("home-alice"), "second.img", "").status, 0) << "one order, one machine";
  });
}

}  // namespace
}  // namespace provision::run

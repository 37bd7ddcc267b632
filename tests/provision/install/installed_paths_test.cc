// Goal: what is ours goes without a trace, and what is the owner's is never counted as ours. Method: a table of paths;
// a real ext4 into which an owner and an installation write, in turn.
#include "provision/install/installed_paths.h"

#include "provision/install/system_tree.h"
#include "tests/provision/install/partition.h"

namespace provision::install {
namespace {

TEST(IsOurs, TellsOursFromTheOwners) {
  for (const char* path : {"/usr/lib/leaseback", "/usr/lib/leaseback/leaseback-agent", "/etc/leaseback/agent.yaml",
                           "/var/lib/leaseback/vault/1", "/usr/lib/systemd/system/leaseback-agent.service",
                           "/usr/lib/systemd/system/leaseback@.service",
                           "/etc/systemd/system/multi-user.target.wants/leaseback-agent.service",
                           "/usr/lib/udev/rules.d/90-leaseback.rules", "/usr/lib/sysusers.d/leaseback.conf"})
    EXPECT_TRUE(is_ours(path)) << path;
  for (const char* path :
       {"/", "/etc", "/usr/lib", "/usr/lib/leasebacker", "/usr/lib/leaseback-notes", "/home/alice/leaseback",
        "/etc/passwd", "/usr/lib/systemd/system/ssh.service", "/usr/lib/systemd/system/not-leaseback.service",
        "/usr/lib/udev/rules.d/60-", "/etc/systemd/system/multi-user.target.wants/ssh.service",
        "/etc/systemd/system/deep/x.wants/leaseback.service", "leaseback", "", "/etc/leaseback2/agent.yaml"})
    EXPECT_FALSE(is_ours(path)) << path;
}

WantedNodes owners() {
  WantedNodes nodes(1);
  nodes.file("/etc/hostname", "franks\n").file("/home/frank/letter", "Dear\n", 0600).folder("/home/frank/empty");
  nodes.link("/home/frank/latest", "letter").file("/usr/lib/leaseback-notes", "not ours\n");
  return nodes;
}

WantedNodes ours(std::vector<std::string> made) {
  AgentSettings settings;
  settings.voucher = "{}";
  settings.device_key_pem = "key";
  settings.made_folders = std::move(made);
  WantedNodes nodes = agent_nodes(settings);
  nodes.file("/usr/lib/systemd/system/leaseback-agent.service", "[Install]\nWantedBy=multi-user.target\n");
  nodes.link("/etc/systemd/system/multi-user.target.wants/leaseback-agent.service",
             "/usr/lib/systemd/system/leaseback-agent.service");
  return nodes;
}

TEST(Installation, LeavesTheOwnersDigestAsItWasAndGoesWithoutATrace) {
  Partition partition;
  {
    auto tree = partition.tree();
    ASSERT_TRUE(put(*tree, owners().nodes()));
    ASSERT_TRUE(tree->commit());
  }
  const Digest before = *owner_digest(*partition.tree(disk::TreeAccess::ReadOnly), {});
  const Digest everything = *partition.tree(disk::TreeAccess::ReadOnly)->hash("/");
  const auto made = *missing_folders(*partition.tree(disk::TreeAccess::ReadOnly), ours({}).nodes());
  std::vector<std::string> made_by_us;
  for (const std::string& folder : made)
    if (!is_ours(folder)) made_by_us.push_back(folder);
  {
    auto tree = partition.tree();
    ASSERT_TRUE(put(*tree, ours(made_by_us).nodes()));
    ASSERT_TRUE(tree->commit());
  }
  EXPECT_EQ(*owner_digest(*partition.tree(disk::TreeAccess::ReadOnly), made_by_us), before);
  EXPECT_NE(*partition.tree(disk::TreeAccess::ReadOnly)->hash("/"), everything);
  EXPECT_TRUE(differences(*partition.tree(disk::TreeAccess::ReadOnly), ours(made_by_us).nodes())->empty());
  ASSERT_TRUE(remove_ours(*partition.tree(), made_by_us));
  EXPECT_EQ(*partition.tree(disk::TreeAccess::ReadOnly)->hash("/"), everything);
  EXPECT_TRUE(ours_in(*partition.tree(disk::TreeAccess::ReadOnly))->empty());
}

TEST(OwnerDigest, SeesEveryChangeOfTheOwners) {
  Partition partition;
  const auto digest_with = [&](const WantedNodes& more) {
    auto tree = partition.tree();
    EXPECT_TRUE(put(*tree, more.nodes()));
    EXPECT_TRUE(tree->commit());
    return owner_digest(*partition.tree(disk::TreeAccess::ReadOnly), {})->text;
  };
  std::vector<std::string> seen = {digest_with(owners())};
  seen.push_back(digest_with(WantedNodes(1).file("/home/frank/letter", "Deat\n", 0600)));
  seen.push_back(digest_with(WantedNodes(1).file("/home/frank/letter", "Deat\n", 0640)));
  seen.push_back(digest_with(WantedNodes(1).link("/home/frank/latest", "letter2")));
  seen.push_back(digest_with(WantedNodes(1).folder("/home/frank/empty2")));
  seen.push_back(digest_with(WantedNodes(1).folder("/home/frank/empty2", 0700)));
  const std::size_t changes = seen.size();
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(std::unique(seen.begin(), seen.end()) - seen.begin(), static_cast<std::ptrdiff_t>(changes));
}

TEST(Marker, ReadsBackAndRefusesWhatIsNone) {
  const InstallationMarker marker{{"/etc/systemd", "/etc/systemd/system"}};
  EXPECT_EQ(*marker_from(text_of(marker)), marker);
  for (const char* text : {"", "{}", "[]", R"({"format":2,"made_folders":[]})",
                           R"({"format":1,"made_folders":["etc"]})", R"({"format":1,"made_folders":["/a/../b"]})",
                           R"({"format":1,"made_folders":["/b","/a"]})", R"({"format":1,"made_folders":["/"]})",
                           R"({"format":1,"made_folders":[1]})", R"({"format":1,"made_folders":[],"more":1})",
                           R"({"format":1,"made_folders":["/a/."]})", R"({"format":1,"made_folders":["/a//b"]})"})
    EXPECT_FALSE(marker_from(text)) << text;
}

}  // namespace
}  // namespace provision::install

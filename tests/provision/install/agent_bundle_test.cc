// Goal: only a bundle that a trusted key signed reaches the disk, and only where the agent's files belong. Method:
// bundles packed and signed here, right and wrong, onto a real ext4.
#include "provision/install/agent_bundle.h"

#include <fstream>

#include "provision/install/installation.h"
#include "tests/provision/install/partition.h"

namespace provision::install {
namespace {

using images::bundle::EntryKind;
using images::bundle::Source;
using images::keys::KeyKind;
using images::keys::PrivateKey;

class Bundles : public testing::Test {
 protected:
  Bundles() : key(*PrivateKey::generate(KeyKind::SigningKey)) {
    std::ofstream(partition.path("program")) << std::string(3'000'000, 'p');
    std::ofstream(partition.path("unit")) << "[Install]\nWantedBy=multi-user.target timers.target\n";
  }
  AgentBundle packed(std::vector<Source> sources, const PrivateKey& signer) {
    const std::string path = partition.path("agent.bundle");
    EXPECT_TRUE(images::bundle::pack(partition.files, {"leaseback-agent", "1.0.0", "amd64", std::move(sources)}, path));
    EXPECT_TRUE(partition.files.remove(path + ".sig"));
    EXPECT_TRUE(images::bundle::sign(partition.files, path, signer));
    return {path, {key.public_key()}};
  }
  std::vector<Source> good() {
    return {{EntryKind::File, "/usr/lib/leaseback/leaseback-agent", 0755, partition.path("program"), {}},
            {EntryKind::File, "/usr/lib/systemd/system/leaseback-agent.service", 0644, partition.path("unit"), {}}};
  }
  Done install(const AgentBundle& bundle) {
    auto manifest = verified_manifest(partition.files, bundle);
    if (!manifest) return manifest.error();
    auto tree = partition.tree();
    return put(*tree, partition.files, {{}, bundle, *manifest, 1});
  }

  Partition partition;
  PrivateKey key;
};

TEST_F(Bundles, AreInstalledWithTheirUnitsEnabled) {
  const AgentBundle bundle = packed(good(), key);
  const Done done = install(bundle);
  ASSERT_TRUE(done) << done.error().text();
  auto tree = partition.tree(disk::TreeAccess::ReadOnly);
  EXPECT_EQ(tree->read_file("/usr/lib/leaseback/leaseback-agent", mebibytes(8))->size(), 3'000'000U);
  EXPECT_EQ(tree->look("/etc/systemd/system/timers.target.wants/leaseback-agent.service")->target,
            "/usr/lib/systemd/system/leaseback-agent.service");
  EXPECT_TRUE(bundle_differences(*tree, *verified_manifest(partition.files, bundle))->empty());
}

TEST_F(Bundles, ThatDifferOnTheDiskAreNamed) {
  const AgentBundle bundle = packed(good(), key);
  ASSERT_TRUE(install(bundle));
  const auto manifest = *verified_manifest(partition.files, bundle);
  {
    auto tree = partition.tree();
    ASSERT_TRUE(tree->put_file("/usr/lib/leaseback/leaseback-agent", std::string(3'000'000, 'q'), {0755, 0, 0, 1}));
    ASSERT_TRUE(tree->commit());
  }
  EXPECT_EQ(*bundle_differences(*partition.tree(disk::TreeAccess::ReadOnly), manifest),
            std::vector<std::string>{"/usr/lib/leaseback/leaseback-agent"});
}

TEST_F(Bundles, OfAnotherKeyAreRefused) {
  EXPECT_EQ(install(packed(good(), *PrivateKey::generate(KeyKind::SigningKey))).error().code,
            ErrorCode::Unauthenticated);
}

TEST_F(Bundles, ThatReachForTheOwnersFilesAreRefused) {
  for (const char* path :
       {"/etc/passwd", "/home/alice/.profile", "/usr/lib/systemd/system/ssh.service", "/usr/bin/leaseback"}) {
    std::vector<Source> sources = good();
    sources.push_back({EntryKind::File, path, 0644, partition.path("unit"), {}});
    EXPECT_EQ(install(packed(sources, key)).error().code, ErrorCode::Refused) << path;
  }
}

TEST(EnablingLinks, FollowTheInstallSectionOnly) {
  const auto nodes = enabling_links({{"/usr/lib/systemd/system/leaseback-agent.service",
                                      "[Unit]\nWantedBy=wrong.target\n[Install]\n WantedBy = no\nWantedBy=a.target "
                                      "b.target\r\n# WantedBy=c.target\n"}},
                                    1)
                         .nodes();
  std::vector<std::string> links;
  for (const WantedNode& node : nodes)
    if (node.kind == disk::NodeKind::Symlink) links.push_back(node.path);
  EXPECT_EQ(links, (std::vector<std::string>{"/etc/systemd/system/a.target.wants/leaseback-agent.service",
                                             "/etc/systemd/system/b.target.wants/leaseback-agent.service"}));
}

}  // namespace
}  // namespace provision::install

// Goal: an operating system comes out of its bundle node for node, or chunk for chunk, as it was packed; and no archive can
// make its reader put anything where it does not belong. Method: tar archives written by hand, lawful and not, and small raw
// images, over files in memory; each part of a bundle changed in turn.
#include <gtest/gtest.h>

#include "images/bundle/archive_reader.h"
#include "images/bundle/bundle.h"
#include "images/bundle/image_map.h"
#include "images/bundle/payload.h"
#include "images/bundle/system_archive.h"
#include "policies/vocabulary/random.h"
#include "tests/fakes/memory_files.h"
#include "tests/images/bundle/tar_text.h"

namespace images::bundle {
namespace {

using files::Access;
using tests::fakes::MemoryFiles;

class KeptNodes final : public SystemSink {
 public:
  Done begin(const SystemNode& node) override {
    nodes.push_back(node);
    contents[node.path];
    return {};
  }
  Done write(std::string_view piece) override {
    contents[nodes.back().path] += piece;
    return {};
  }
  Done end(const SystemNode&) override { return {}; }
  std::vector<SystemNode> nodes;
  std::map<std::string, std::string> contents;
};

std::vector<TarNode> small_system() {
  return {{.name = "./", .type = '5', .mode = 0755},
          {.name = "./usr/", .type = '5', .mode = 0755},
          {.name = "./usr/tool", .content = std::string(3000, 't'), .mode = 04755, .uid = 70,
           .pax = pax_record("SCHILY.xattr.security.capability", "cap")},
          {.name = "./usr/again", .type = '1', .target = "./usr/tool"},
          {.name = "./bin", .type = '2', .target = "usr"},
          {.name = "./null", .type = '3', .mode = 0666, .major = 1, .minor = 3},
          {.name = "./pipe", .type = '6', .mode = 0600},
          {.name = "x", .content = "named", .pax = pax_record("path", "./usr/F\xC5\x91tan")}};
}

class SystemBundle : public testing::Test {
 protected:
  SystemBundle() : key(*keys::PrivateKey::generate(keys::KeyKind::SigningKey)) {
    put("tool.efi", "loader");
    put("vmlinuz", std::string(100'000, 'k'));
  }
  void put(const std::string& path, const std::string& bytes) { ASSERT_TRUE(memory.replace(path, bytes, Access::Everyone)); }
  PackOrder order() const {
    return {"debian", "12.8", "amd64",
            {{EntryKind::File, "/boot/efi/EFI/BOOT/BOOTX64.EFI", 0644, "tool.efi", {}}, {EntryKind::File, "/boot/efi/vmlinuz", 0644, "vmlinuz", {}}}};
  }
  Result<Manifest> packed(const std::string& bytes, SystemKind kind, const std::string& out = "os.bundle") {
    put("content", bytes);
    return pack_system(memory, order(), {kind, "content", "systemd-networkd", "/boot/efi/vmlinuz", "", "quiet"}, out);
  }
  VerifiedBundle verified() {
    EXPECT_TRUE(memory.remove("os.bundle.sig"));
    EXPECT_TRUE(sign(memory, "os.bundle", key));
    const auto result = verify(memory, "os.bundle", std::vector{key.public_key()});
    EXPECT_TRUE(result) << result.error().text();
    return *result;
  }
  // An image with something in its first, its third and its short last chunk.
  static std::string image() {
    std::string bytes(3 * image_chunk_size.count + 2048, '\0');
    bytes.replace(1024 + 56, 2, "\x53\xEF");
    Random random(3);
    for (std::size_t at = 2 * image_chunk_size.count; at < 2 * image_chunk_size.count + 5000; ++at) bytes[at] = static_cast<char>(random.below(256));
    bytes.back() = 'z';
    return bytes;
  }

  MemoryFiles memory;
  keys::PrivateKey key;
};

TEST_F(SystemBundle, GivesAnArchiveOutNodeForNode) {
  const auto manifest = packed(tar_of(small_system()), SystemKind::Archive);
  ASSERT_TRUE(manifest) << manifest.error().text();
  const VerifiedBundle bundle = verified();
  EXPECT_EQ(bundle.manifest, *manifest);
  EXPECT_EQ(bundle.manifest.system->nodes, 8U);
  KeptNodes kept;
  const auto facts = read_system_payload(memory, "os.bundle", bundle.payload_offset, *bundle.manifest.system, kept);
  ASSERT_TRUE(facts) << facts.error().text();
  EXPECT_EQ(facts->files_size, Bytes{3005});
  ASSERT_EQ(kept.nodes.size(), 8U);
  EXPECT_EQ(kept.nodes[0].path, "/");
  EXPECT_EQ(kept.nodes[2].path, "/usr/tool");
  EXPECT_EQ(kept.nodes[2].mode, 04755U);
  EXPECT_EQ(kept.nodes[2].uid, 70U);
  EXPECT_EQ(kept.nodes[2].mtime, 1'700'000'000);
  EXPECT_EQ(kept.nodes[2].xattrs, (std::map<std::string, std::string>{{"security.capability", "cap"}}));
  EXPECT_EQ(kept.contents["/usr/tool"], std::string(3000, 't'));
  EXPECT_EQ(kept.nodes[3].kind, NodeKind::HardLink);
  EXPECT_EQ(kept.nodes[3].target, "/usr/tool");
  EXPECT_EQ(kept.nodes[4].target, "usr");
  EXPECT_EQ(kept.nodes[5].minor, 3U);
  EXPECT_EQ(kept.nodes[6].kind, NodeKind::Fifo);
  EXPECT_EQ(kept.nodes[7].path, "/usr/F\xC5\x91tan");
  // What was verified is given out again without a look at the payload.
  NoSink nowhere;
  EXPECT_TRUE(give_again(memory, "os.bundle", bundle, nowhere));
}

TEST_F(SystemBundle, GivesAnImageOutChunkForChunkAndLeavesZerosOut) {
  const std::string bytes = image();
  ASSERT_TRUE(packed(bytes, SystemKind::Image));
  const VerifiedBundle bundle = verified();
  class MapSink final : public Sink {
   public:
    Done begin(const Entry& entry) override { return wanted = entry.path == image_map_path, Done(); }
    Done write(std::string_view piece) override { return wanted ? (text += piece, Done()) : Done(); }
    Done end(const Entry&) override { return {}; }
    bool wanted = false;
    std::string text;
  } sink;
  ASSERT_TRUE(give_again(memory, "os.bundle", bundle, sink));
  const auto map = image_map_from(sink.text);
  ASSERT_TRUE(map) << map.error().text();
  ASSERT_EQ(map->chunks.size(), 3U);
  EXPECT_EQ(map->count(), 4U);
  EXPECT_EQ(map->length_of(3), 2048U);
  EXPECT_EQ(map->stored(), bundle.manifest.system->payload_size);
  std::string again(bytes.size(), '\0');
  for (const ImageChunk& chunk : map->chunks) {
    const auto frame = memory.read_range("os.bundle", bundle.payload_offset + chunk.stored_at, chunk.stored_size);
    const auto content = unpacked_chunk(*frame, map->length_of(chunk.index));
    ASSERT_TRUE(content) << content.error().text();
    EXPECT_EQ(keys::sha256(*content), chunk.sha256);
    again.replace(chunk.index * map->chunk_size.count, content->size(), *content);
  }
  EXPECT_EQ(again, bytes);
}

TEST_F(SystemBundle, IsPackedReproducibly) {
  for (const auto& [bytes, kind] : {std::pair{tar_of(small_system()), SystemKind::Archive}, {image(), SystemKind::Image}}) {
    ASSERT_TRUE(packed(bytes, kind, "one"));
    ASSERT_TRUE(packed(bytes, kind, "two"));
    EXPECT_EQ(*memory.read("one", gibibytes(1)), *memory.read("two", gibibytes(1)));
    for (const char* left : {"one.unfinished", "one.payload", "one.map"}) EXPECT_FALSE(*memory.exists(left)) << left;
  }
}

TEST_F(SystemBundle, NoticesEveryChangeOfItsBytes) {
  ASSERT_TRUE(packed(image(), SystemKind::Image));
  const VerifiedBundle bundle = verified();
  const std::string good = *memory.read("os.bundle", gibibytes(1));
  const std::uint64_t last = bundle.archive_size.count - 1;
  for (const std::uint64_t at : {std::uint64_t{3}, bundle.payload_offset - 5, bundle.payload_offset, bundle.payload_offset + 77, last - 15, last - 7, last}) {
    put("os.bundle", good);
    memory.flip_bit("os.bundle", at);
    const auto result = verify(memory, "os.bundle", std::vector{key.public_key()});
    ASSERT_FALSE(result) << at;
    EXPECT_EQ(result.error().code, ErrorCode::Corrupt) << at << result.error().text();
  }
  put("os.bundle", good.substr(0, good.size() - 100));
  EXPECT_EQ(verify(memory, "os.bundle", std::vector{key.public_key()}).error().code, ErrorCode::Corrupt);
}

TEST_F(SystemBundle, NoticesAPayloadThatItsManifestDoesNotName) {
  ASSERT_TRUE(packed(image(), SystemKind::Image));
  const std::string good = *memory.read("os.bundle", gibibytes(1));
  const auto place = payload_place(memory, "os.bundle");
  ASSERT_TRUE(place);
  put("os.bundle", good.substr(0, good.size() - trailer_size - 1) + trailer_of({place->size.count - 1}));
  EXPECT_EQ(inspect(memory, "os.bundle").error().code, ErrorCode::InvalidInput);
  put("os.bundle", good.substr(0, good.size() - trailer_size) + trailer_of({good.size()}));
  EXPECT_EQ(inspect(memory, "os.bundle").error().code, ErrorCode::InvalidInput);
  put("os.bundle", good.substr(0, place->offset));
  EXPECT_EQ(inspect(memory, "os.bundle").error().code, ErrorCode::InvalidInput);
  ASSERT_TRUE(pack(memory, order(), "plain"));
  put("plain", *memory.read("plain", gibibytes(1)) + "more" + trailer_of({4}));
  EXPECT_EQ(inspect(memory, "plain").error().code, ErrorCode::InvalidInput);
}

struct Unlawful {
  std::string why;
  std::vector<TarNode> nodes;
  std::string named;  // in the error
};

TEST_F(SystemBundle, RefusesArchivesThatReachWhereTheyShouldNot) {
  const TarNode usr{.name = "usr", .type = '5'};
  for (const Unlawful& unlawful : std::vector<Unlawful>{
           {"climbs", {{.name = "../etc/passwd"}}, "climbs"},
           {"climbs within", {usr, {.name = "usr/../../x"}}, "climbs"},
           {"below a link", {{.name = "usr", .type = '2', .target = "/"}, {.name = "usr/x"}}, "no folder"},
           {"below a file", {{.name = "usr"}, {.name = "usr/x"}}, "no folder"},
           {"before its folder", {{.name = "usr/x"}}, "before its folder"},
           {"twice", {usr, {.name = "usr/x"}, {.name = "./usr//x"}}, "twice"},
           {"link to nothing", {{.name = "x", .type = '1', .target = "y"}}, "names no file"},
           {"link to a folder", {usr, {.name = "x", .type = '1', .target = "usr"}}, "names no file"},
           {"link that climbs", {{.name = "x", .type = '1', .target = "../y"}}, "climbs"},
           {"control character", {{.name = "a\nb"}}, "control character"},
           {"strange attribute", {{.name = "x", .pax = pax_record("SCHILY.xattr.system.data", "v")}}, "system.data"},
           {"large attributes", {{.name = "x", .pax = pax_record("SCHILY.xattr.user.a", std::string(5000, 'v'))}}, "do not fit"},
           {"list in tar's form", {{.name = "x", .pax = pax_record("SCHILY.acl.access", "user::rw-,user:joe:rwx:1000,group::r--,mask::rwx,other::r--")}},
            "access control list"},
           {"device number", {{.name = "x", .type = '3', .major = 2097151, .minor = 3}}, "device numbers"},
       }) {
    const auto result = packed(tar_of(unlawful.nodes), SystemKind::Archive);
    ASSERT_FALSE(result) << unlawful.why;
    EXPECT_EQ(result.error().code, ErrorCode::InvalidInput) << unlawful.why;
    EXPECT_NE(result.error().text().find(unlawful.named), std::string::npos) << unlawful.why << ": " << result.error().text();
    EXPECT_FALSE(*memory.exists("os.bundle"));
  }
}

TEST_F(SystemBundle, RefusesWhatIsNeitherTarNorExt4) {
  EXPECT_FALSE(packed("no archive at all", SystemKind::Archive));
  EXPECT_FALSE(packed(tar_of(small_system()).substr(0, 2000), SystemKind::Archive));
  EXPECT_EQ(packed(std::string(1 << 20, 'x'), SystemKind::Image).error().code, ErrorCode::Unsupported);
}

TEST_F(SystemBundle, StopsAtTheLimitsThatItsManifestNames) {
  ASSERT_TRUE(packed(tar_of(small_system()), SystemKind::Archive));
  const VerifiedBundle bundle = verified();
  KeptNodes kept;
  SystemContents smaller = *bundle.manifest.system;
  smaller.unpacked_size = {5000};
  EXPECT_EQ(read_system_payload(memory, "os.bundle", bundle.payload_offset, smaller, kept).error().code, ErrorCode::LimitExceeded);
  smaller = *bundle.manifest.system;
  smaller.nodes = 7;
  EXPECT_EQ(read_system_payload(memory, "os.bundle", bundle.payload_offset, smaller, kept).error().code, ErrorCode::LimitExceeded);
  smaller.nodes = 9;
  EXPECT_EQ(read_system_payload(memory, "os.bundle", bundle.payload_offset, smaller, kept).error().code, ErrorCode::Corrupt);
}

TEST(SystemManifest, TakesOnlyWhatBelongsToASystem) {
  const Manifest good{"debian", "12.8", "amd64",
                      {{EntryKind::File, "/boot/efi/vmlinuz", 0644, {5}, Digest(std::string(64, 'a')), {}}},
                      SystemContents{SystemKind::Archive, {10}, {20}, 3, "NetworkManager", "/boot/efi/vmlinuz", "", "quiet"}};
  ASSERT_TRUE(check_manifest(good));
  EXPECT_EQ(*manifest_from(text_of(good)), good);
  const std::vector<std::pair<std::string, std::function<void(Manifest&)>>> cases = {
      {"an entry elsewhere", [](Manifest& m) { m.entries[0].path = "/etc/passwd"; }},
      {"a link", [](Manifest& m) { m.entries.insert(m.entries.begin(), {EntryKind::Link, "/boot/efi/a", 0, {}, {}, "vmlinuz"}); }},
      {"no such kernel", [](Manifest& m) { m.system->kernel = "/boot/efi/other"; }},
      {"an initrd without kernel", [](Manifest& m) { m.system->kernel.clear(), m.system->initrd = "/boot/efi/vmlinuz"; }},
      {"options that end the line", [](Manifest& m) { m.system->kernel_options = "a\ninit=/bin/sh"; }},
      {"a third network program", [](Manifest& m) { m.system->network = "ifupdown"; }},
      {"no payload", [](Manifest& m) { m.system->payload_size = {}; }},
      {"too large a payload", [](Manifest& m) { m.system->payload_size = {payload_size_max.count + 1}; }},
      {"an archive without nodes", [](Manifest& m) { m.system->nodes = 0; }},
      {"an image with nodes", [](Manifest& m) { m.system->kind = SystemKind::Image; }},
      {"an image without map", [](Manifest& m) { m.system->kind = SystemKind::Image, m.system->nodes = 0; }},
  };
  for (const auto& [name, breaks] : cases) {
    Manifest manifest = good;
    breaks(manifest);
    EXPECT_FALSE(check_manifest(manifest)) << name;
  }
}

TEST(ImageMap, ReadsBackAndRefusesWhatIsNone) {
  const std::string digest(64, 'a');
  const std::string head = "leaseback-image-map-1 1048576 5243904\n";
  const auto map = image_map_from(head + "0 10 " + digest + "\n5 7 " + digest + "\n");
  ASSERT_TRUE(map) << map.error().text();
  EXPECT_EQ(text_of(*map), head + "0 10 " + digest + "\n5 7 " + digest + "\n");
  EXPECT_EQ(map->chunks[1].stored_at, 10U);
  EXPECT_EQ(map->length_of(5), 1024U);
  for (const std::string& text : std::vector<std::string>{
           "", "\n", "leaseback-image-map-2 1048576 1024\n", "leaseback-image-map-1 1000000 1024\n", "leaseback-image-map-1 1024 1024\n",
           "leaseback-image-map-1 1048576 0\n", "leaseback-image-map-1 1048576 1025\n", "leaseback-image-map-1 1048576 2199023256576\n",
           "leaseback-image-map-1 01048576 1024\n", head + "6 10 " + digest + "\n", head + "1 10 " + digest + "\n1 10 " + digest + "\n",
           head + "2 10 " + digest + "\n1 10 " + digest + "\n", head + "0 0 " + digest + "\n", head + "0 9999999 " + digest + "\n",
           head + "0 10 " + digest.substr(1) + "\n", head + "0 10 " + digest + " \n", head + "0 10 " + digest, head + "-1 10 " + digest + "\n"})
    EXPECT_FALSE(image_map_from(text)) << text;
}

TEST(ImageChunk, IsWholeOrCorrupt) {
  const std::string bytes = std::string(4000, 'a') + "b";
  const std::string frame = packed_chunk(bytes);
  EXPECT_EQ(*unpacked_chunk(frame, bytes.size()), bytes);
  EXPECT_EQ(unpacked_chunk(frame, bytes.size() + 1).error().code, ErrorCode::Corrupt);
  EXPECT_EQ(unpacked_chunk(frame.substr(0, frame.size() - 1), bytes.size()).error().code, ErrorCode::Corrupt);
  EXPECT_EQ(unpacked_chunk("no frame", bytes.size()).error().code, ErrorCode::Corrupt);
}

}  // namespace
}  // namespace images::bundle

// Goal: a manifest that is accepted can be installed as it stands, and no other is accepted. Method: one lawful
// manifest, and each rule of FORMAT.md broken in turn.
#include "images/bundle/manifest.h"

#include <gtest/gtest.h>

namespace images::bundle {
namespace {

const Digest digest(std::string(64, 'a'));

Entry file(std::string path) { return {EntryKind::File, std::move(path), 0644, Bytes{3}, digest, ""}; }
Entry directory(std::string path) { return {EntryKind::Directory, std::move(path), 0755, {}, {}, ""}; }
Entry link(std::string path, std::string target) {
  return {EntryKind::Link, std::move(path), 0, {}, {}, std::move(target)};
}

Manifest with(std::vector<Entry> entries) { return {"leaseback-agent", "1.4.0", "amd64", std::move(entries)}; }

TEST(Manifest, ReadsWhatItPrints) {
  const Manifest manifest =
      with({link("/etc/systemd/system/a.wants/b.service", "../b.service"), directory("/usr/lib/leaseback"),
            file("/usr/lib/leaseback/agent"), link("/usr/lib/leaseback/agent-now", "/usr/lib/leaseback/agent")});
  ASSERT_TRUE(check_manifest(manifest));
  const Result<Manifest> again = manifest_from(text_of(manifest));
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(*again, manifest);
  EXPECT_EQ(again->contents_size(), Bytes{3});
}

TEST(Manifest, HasOneFrozenForm) {
  EXPECT_EQ(text_of(with({directory("/a"), file("/a/b"), link("/a/c", "b")})),
            "{\"format\":\"leaseback-bundle-1\",\"name\":\"leaseback-agent\",\"version\":\"1.4.0\",\"architecture\":"
            "\"amd64\",\"entries\":["
            "{\"path\":\"/a\",\"kind\":\"directory\",\"mode\":\"0755\"},"
            "{\"path\":\"/a/b\",\"kind\":\"file\",\"mode\":\"0644\",\"size\":3,\"sha256\":\"" +
                digest.text +
                "\"},"
                "{\"path\":\"/a/c\",\"kind\":\"link\",\"target\":\"b\"}]}\n");
}

TEST(Manifest, RefusesPathsThatLeaveTheRootOrAreNotPlain) {
  for (const char* path : {"", "/", "usr/lib/a", "/usr/../etc/passwd", "/..", "/usr/./a", "/usr//a", "/usr/", "/a\\b",
                           "/a\nb", "/a\x7f", "/caf\xc3\xa9"})
    EXPECT_EQ(check_manifest(with({file(path)})).error().code, ErrorCode::InvalidInput) << path;
  EXPECT_EQ(check_manifest(with({file("/" + std::string(101, 'a'))})).error().code, ErrorCode::LimitExceeded);
  std::string deep;
  while (deep.size() < 241) deep += "/aaaaaaaaa";
  EXPECT_EQ(check_manifest(with({file(deep)})).error().code, ErrorCode::LimitExceeded);
}

TEST(Manifest, RefusesLinksThatLeadOutOfTheRoot) {
  for (const char* target : {"b", "../c/b", "../../b", "/b", "x/../y"})
    EXPECT_TRUE(check_manifest(with({link("/a/c/l", target)}))) << target;
  for (const char* target : {"../../../b", "x/../../../../b", "/../b", "./b", "a//b", "b/"})
    EXPECT_FALSE(check_manifest(with({link("/a/c/l", target)}))) << target;
  EXPECT_EQ(check_manifest(with({link("/l", "..")})).error().code, ErrorCode::InvalidInput);
}

TEST(Manifest, RefusesToWriteBelowALinkOrAFile) {
  EXPECT_TRUE(check_manifest(with({directory("/a"), file("/a/b")})));
  EXPECT_EQ(check_manifest(with({link("/a", "/etc"), file("/a/passwd")})).error().code, ErrorCode::InvalidInput);
  EXPECT_EQ(check_manifest(with({link("/a", "/etc"), link("/a-b", "c"), file("/a/b/c/passwd")})).error().code,
            ErrorCode::InvalidInput);
  EXPECT_EQ(check_manifest(with({file("/a"), file("/a/b")})).error().code, ErrorCode::InvalidInput);
}

TEST(Manifest, RefusesEntriesThatAreDoubleUnsortedOrContradictory) {
  EXPECT_FALSE(check_manifest(with({})));
  EXPECT_FALSE(check_manifest(with({file("/b"), file("/a")})));
  EXPECT_FALSE(check_manifest(with({file("/a"), file("/a")})));
  Entry entry = file("/a");
  entry.mode = 04755;
  EXPECT_FALSE(check_manifest(with({entry}))) << "set-uid";
  entry = file("/a");
  entry.sha256 = Digest("xyz");
  EXPECT_FALSE(check_manifest(with({entry})));
  entry = file("/a");
  entry.target = "/b";
  EXPECT_FALSE(check_manifest(with({entry})));
  entry = directory("/a");
  entry.size = Bytes{1};
  EXPECT_FALSE(check_manifest(with({entry})));
  entry = link("/a", "b");
  entry.mode = 0777;
  EXPECT_FALSE(check_manifest(with({entry})));
}

TEST(Manifest, KeepsItsLimits) {
  Entry large = file("/a");
  large.size = file_size_max + Bytes{1};
  EXPECT_EQ(check_manifest(with({large})).error().code, ErrorCode::LimitExceeded);
  std::vector<Entry> three = {file("/a"), file("/b"), file("/c")};
  for (Entry& entry : three) entry.size = file_size_max;
  EXPECT_EQ(check_manifest(with(three)).error().code, ErrorCode::LimitExceeded) << "more than 16 GiB together";
  std::vector<Entry> many;
  for (int i = 0; i <= 10'000; ++i) many.push_back(file("/" + std::to_string(100'000 + i)));
  EXPECT_EQ(check_manifest(with(many)).error().code, ErrorCode::LimitExceeded);
  EXPECT_EQ(manifest_from(text_of(with(many))).error().code, ErrorCode::LimitExceeded);
  many.pop_back();
  EXPECT_TRUE(check_manifest(with(many)));
  EXPECT_EQ(manifest_from(std::string(manifest_size_max.count + 1, ' ')).error().code, ErrorCode::LimitExceeded);
}

TEST(Manifest, RefusesNamesVersionsAndArchitecturesOfOtherShape) {
  for (const char* name : {"", "Agent", "-a", "a-", "a b", "a/b"}) {
    Manifest manifest = with({file("/a")});
    manifest.name = name;
    EXPECT_FALSE(check_manifest(manifest)) << name;
  }
  for (const char* version : {"", "v1", "1 2", "1/2", "-1"}) {
    Manifest manifest = with({file("/a")});
    manifest.version = version;
    EXPECT_FALSE(check_manifest(manifest)) << version;
  }
  Manifest manifest = with({file("/a")});
  manifest.architecture = "vax";
  EXPECT_FALSE(check_manifest(manifest));
}

TEST(Manifest, RefusesMembersThatAreMissingUnknownOrOfAnotherType) {
  const std::string good = text_of(with({file("/a")}));
  const auto changed = [&good](const std::string& from, const std::string& to) {
    std::string text = good;
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  };
  ASSERT_TRUE(manifest_from(good));
  EXPECT_EQ(manifest_from(changed("leaseback-bundle-1", "leaseback-bundle-2")).error().code, ErrorCode::Unsupported);
  for (const std::string& text :
       {changed("\"version\":\"1.4.0\",", ""), changed("\"version\":\"1.4.0\"", "\"version\":1"),
        changed("\"mode\":\"0644\",", ""), changed("\"mode\":\"0644\"", "\"mode\":\"644\""),
        changed("\"mode\":\"0644\"", "\"mode\":\"0999\""), changed("\"mode\":\"0644\"", "\"mode\":420"),
        changed("\"size\":3", "\"size\":-3"), changed("\"size\":3", "\"size\":3.5"),
        changed("\"size\":3", "\"size\":\"3\""), changed("\"size\":3", "\"size\":99999999999999999999"),
        changed("\"kind\":\"file\"", "\"kind\":\"device\""), changed("\"kind\":\"file\"", "\"kind\":\"link\""),
        changed("\"size\":3", "\"size\":3,\"owner\":\"x\""), changed("\"entries\"", "\"extra\":1,\"entries\""),
        changed("[", "[[[[["), std::string("[]"), std::string("")}) {
    const Result<Manifest> read = manifest_from(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, ErrorCode::InvalidInput) << text;
  }
}

}  // namespace
}  // namespace images::bundle

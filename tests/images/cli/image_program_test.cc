// Goal: an engineer can make keys, pack, sign, check and list bundles, and is told plainly what went wrong. Method: the
// whole program over files in memory, words in and texts out; its help against frozen text.
#include <gtest/gtest.h>

#include <sstream>

#include "images/cli/commands.h"
#include "images/cli/pack_list.h"
#include "images/keys/key_files.h"
#include "tests/fakes/memory_files.h"
#include "tests/golden/golden.h"

namespace images::cli {
namespace {

using command_line::ExitCode;

class ImageProgram : public ::testing::Test {
 protected:
  ExitCode run(std::vector<std::string> words) {
    out_.str("");
    err_.str("");
    return command_line::run_program(program_, words, {in_, out_, err_});
  }
  void put(const std::string& path, const std::string& bytes) {
    ASSERT_TRUE(
        files_.make_directory(path.substr(0, path.rfind('/') == 0 ? 1 : path.rfind('/')), files::Access::Everyone));
    ASSERT_TRUE(files_.replace(path, bytes, files::Access::Everyone));
  }
  void put_list_and_files() {
    put("/list.yaml",
        "kind: bundle-list\nname: leaseback-agent\nentries:\n"
        "  - {kind: file, from: leaseback-agent, path: /usr/lib/leaseback/leaseback-agent, mode: \"0755\"}\n"
        "  - {kind: file, from: units/agent.service, path: /usr/lib/systemd/system/leaseback-agent.service, mode: "
        "\"0644\"}\n"
        "  - {kind: directory, path: /var/lib/leaseback, mode: \"0700\"}\n"
        "  - {kind: link, path: /etc/leaseback-agent, target: /usr/lib/leaseback/leaseback-agent}\n");
    put("/build/bin/leaseback-agent", "program");
    put("/sources/units/agent.service", "[Unit]\n");
  }
  ExitCode pack(const std::string& version = "1.4.0") {
    return run({"bundle", "pack", "--list", "/list.yaml", "--from", "/build/bin", "--from", "/sources", "--version",
                version, "--out", "/agent.bundle"});
  }

  tests::fakes::MemoryFiles files_;
  Ports ports_{files_};
  command_line::Program program_ = image_program(ports_);
  std::istringstream in_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(ImageProgram, ExplainsItself) {
  EXPECT_GOLDEN("tests/golden/image/help.txt", command_line::all_help_text(program_));
}

TEST_F(ImageProgram, MakesKeysPacksSignsAndVerifies) {
  put_list_and_files();
  ASSERT_EQ(run({"key", "make", "--kind", "signing", "--out", "/release.key"}), ExitCode::Done) << err_.str();
  const std::string id = keys::read_public_key(files_, "/release.pub")->id().text;
  EXPECT_NE(out_.str().find(id), std::string::npos);
  EXPECT_EQ(files_.access_of("/release.key"), files::Access::OwnerOnly);
  ASSERT_EQ(pack(), ExitCode::Done) << err_.str();
  EXPECT_EQ(run({"bundle", "verify", "/agent.bundle", "--key", "/release.pub"}), ExitCode::Failed) << "not signed yet";
  ASSERT_EQ(run({"bundle", "sign", "/agent.bundle", "--key", "/release.key"}), ExitCode::Done) << err_.str();
  ASSERT_EQ(run({"bundle", "verify", "/agent.bundle", "--key", "/release.pub"}), ExitCode::Done) << err_.str();
  EXPECT_TRUE(out_.str().starts_with("Good: leaseback-agent 1.4.0 for amd64\n  signed by  " + id)) << out_.str();
  ASSERT_EQ(run({"bundle", "list", "/agent.bundle"}), ExitCode::Done) << err_.str();
  EXPECT_NE(out_.str().find("0755      7  /usr/lib/leaseback/leaseback-agent\n"), std::string::npos) << out_.str();
  EXPECT_NE(out_.str().find("/etc/leaseback-agent -> /usr/lib/leaseback/leaseback-agent\n"), std::string::npos)
      << out_.str();
}

TEST_F(ImageProgram, SaysNoToAForeignKeyAndATamperedBundle) {
  put_list_and_files();
  ASSERT_EQ(run({"key", "make", "--out", "/release.key"}), ExitCode::Done);
  ASSERT_EQ(run({"key", "make", "--out", "/other.key"}), ExitCode::Done);
  ASSERT_EQ(pack(), ExitCode::Done);
  ASSERT_EQ(run({"bundle", "sign", "/agent.bundle", "--key", "/release.key"}), ExitCode::Done);
  EXPECT_EQ(run({"bundle", "verify", "/agent.bundle", "--key", "/other.pub"}), ExitCode::Failed);
  EXPECT_EQ(run({"bundle", "verify", "/agent.bundle", "--key", "/other.pub", "--key", "/release.pub"}), ExitCode::Done);
  files_.flip_bit("/agent.bundle", 100);
  EXPECT_EQ(run({"bundle", "verify", "/agent.bundle", "--key", "/release.pub"}), ExitCode::Failed);
  EXPECT_NE(err_.str().find("the bytes of '/agent.bundle' are not those that were signed"), std::string::npos)
      << err_.str();
}

TEST_F(ImageProgram, OverwritesNoKey) {
  ASSERT_EQ(run({"key", "make", "--out", "/release.key"}), ExitCode::Done);
  const std::string before = *files_.read("/release.key", kibibytes(16));
  EXPECT_EQ(run({"key", "make", "--out", "/release.key"}), ExitCode::Failed);
  EXPECT_EQ(*files_.read("/release.key", kibibytes(16)), before);
  put("/half.pub", "");
  EXPECT_EQ(run({"key", "make", "--out", "/half.key"}), ExitCode::Failed);
  EXPECT_FALSE(*files_.exists("/half.key")) << "no half of a pair is left behind";
}

TEST_F(ImageProgram, NeverPrintsAPrivateKey) {
  ASSERT_EQ(run({"key", "make", "--kind", "machine", "--out", "/m.key"}), ExitCode::Done);
  const std::string pem = *files_.read("/m.key", kibibytes(16));
  const std::string secret = pem.substr(pem.find('\n') + 1, 40);
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"key", "show", "/m.key"}, {"key", "show", "/m.key", "--json"}, {"key", "show", "/m.key", "--pem"}}) {
    ASSERT_EQ(run(words), ExitCode::Done) << err_.str();
    EXPECT_EQ(out_.str().find(secret), std::string::npos);
    EXPECT_EQ(out_.str().find("PRIVATE"), std::string::npos);
  }
  EXPECT_EQ(out_.str(), *files_.read("/m.pub", kibibytes(16)));
  put("/noise", "noise");
  EXPECT_EQ(run({"key", "show", "/noise"}), ExitCode::Failed);
  EXPECT_EQ(run({"key", "show", "/absent"}), ExitCode::Failed);
}

TEST_F(ImageProgram, NamesEveryFileOfTheListThatIsMissing) {
  put_list_and_files();
  ASSERT_TRUE(files_.remove("/build/bin/leaseback-agent"));
  ASSERT_TRUE(files_.remove("/sources/units/agent.service"));
  EXPECT_EQ(pack(), ExitCode::Failed);
  EXPECT_NE(err_.str().find("'leaseback-agent', 'units/agent.service' not found below '/build/bin', '/sources'"),
            std::string::npos)
      << err_.str();
  EXPECT_FALSE(*files_.exists("/agent.bundle"));
}

TEST_F(ImageProgram, WantsItsOptions) {
  EXPECT_EQ(run({"bundle", "verify", "/agent.bundle"}), ExitCode::Usage);
  EXPECT_EQ(run({"bundle", "pack", "--list", "/list.yaml", "--version", "1", "--out", "/x"}), ExitCode::Usage);
  EXPECT_EQ(run({"key", "make", "--kind", "rsa", "--out", "/x"}), ExitCode::Usage);
  EXPECT_EQ(run({"key", "show", "/x", "--pem", "--json"}), ExitCode::Usage);
}

TEST_F(ImageProgram, PrintsFactsAsJson) {
  put_list_and_files();
  ASSERT_EQ(run({"bundle", "pack", "--list", "/list.yaml", "--from", "/build/bin", "--from", "/sources", "--version",
                 "1.4.0", "--out", "/agent.bundle", "--json"}),
            ExitCode::Done);
  EXPECT_NE(out_.str().find("\"contents_bytes\": 14"), std::string::npos) << out_.str();
  ASSERT_EQ(run({"key", "make", "--out", "/k", "--json"}), ExitCode::Done);
  EXPECT_NE(out_.str().find("\"key_id\": \"" + keys::read_public_key(files_, "/k.pub")->id().text), std::string::npos)
      << out_.str();
  ASSERT_EQ(run({"bundle", "sign", "/agent.bundle", "--key", "/k", "--json"}), ExitCode::Done);
  ASSERT_EQ(run({"bundle", "verify", "/agent.bundle", "--key", "/k.pub", "--json"}), ExitCode::Done);
  EXPECT_NE(out_.str().find("\"entries\": 4"), std::string::npos) << out_.str();
  ASSERT_EQ(run({"bundle", "list", "/agent.bundle", "--json"}), ExitCode::Done);
  EXPECT_NE(out_.str().find("\"target\": \"/usr/lib/leaseback/leaseback-agent\""), std::string::npos) << out_.str();
}

TEST(PackList, NamesThePlaceOfEachError) {
  const Result<PackList> list = pack_list_from(
      "kind: bundle-list\nname: x\nentries:\n"
      "  - {kind: file, from: a, path: /a, mode: \"4755\"}\n"
      "  - {kind: device, path: /b, mode: \"0644\"}\n"
      "  - {kind: link, path: /c, target: /a, mode: \"0777\"}\n",
      "list.yaml");
  ASSERT_FALSE(list);
  for (const char* place : {"list.yaml:4:", "list.yaml:5:", "list.yaml:6:"})
    EXPECT_NE(list.error().text().find(place), std::string::npos) << list.error().text();
}

TEST(PackList, OfTheAgentIsLawful) {
  std::ifstream stream(std::string(LEASEBACK_SOURCE_DIR) + "/images/bundle/agent-bundle.yaml");
  std::ostringstream text;
  text << stream.rdbuf();
  const Result<PackList> list = pack_list_from(text.str(), "agent-bundle.yaml");
  ASSERT_TRUE(list) << list.error().text();
  EXPECT_EQ(list->name, "leaseback-agent");
  for (const bundle::Source& source : list->sources) {
    if (source.content.find('/') == std::string::npos) continue;  // a program, made by the build
    std::ifstream content(std::string(LEASEBACK_SOURCE_DIR) + "/" + source.content);
    EXPECT_TRUE(content.good()) << source.content;
  }
}

}  // namespace
}  // namespace images::cli

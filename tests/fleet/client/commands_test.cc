// Goal: the command does what its help says, end to end. Method: the program's own commands on real files and real TLS, against a
// scripted controller behind the real server; and the help, frozen.
#include "fleet/client/commands.h"

#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "fleet/api/https_server.h"
#include "images/files/posix_files.h"
#include "images/keys/certificates.h"
#include "tests/fleet/client/scripted_controller.h"
#include "tests/golden/golden.h"

namespace fleet::client {
namespace {

namespace keys = images::keys;
using policies::command_line::ExitCode;
using Controller = tests::fleet_client::ScriptedController;

class Leaseback : public testing::Test {
 protected:
  Leaseback() {
    const char* temporary = std::getenv("TMPDIR");
    std::string pattern = std::string(temporary == nullptr ? "/tmp" : temporary) + "/leaseback-client-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~Leaseback() override {
    server_.reset();
    std::filesystem::remove_all(folder_);
  }
  void start_controller() {
    const keys::PrivateKey authority = *keys::PrivateKey::generate(keys::KeyKind::MachineKey);
    const keys::PrivateKey server_key = *keys::PrivateKey::generate(keys::KeyKind::MachineKey);
    const Instant now = clock_.now();
    const Instant later = now + Duration(86'400'000);
    const std::string authority_pem = *keys::make_authority(authority, "Test", now - Duration(60'000), later);
    const auto issue = [&](const keys::PublicKey& subject, keys::CertificateUse use) {
      return *keys::issue_certificate({"test", subject, use, {"127.0.0.1"}, now - Duration(60'000), later}, authority, authority_pem);
    };
    api::HttpsServerSettings settings;
    settings.port = 0;
    settings.certificate_pem = issue(server_key.public_key(), keys::CertificateUse::Server);
    settings.private_key_pem = server_key.pem();
    settings.authority_pem = authority_pem;
    auto server = api::HttpsServer::open(settings, clock_);
    ASSERT_TRUE(server) << server.error().text();
    server_ = *std::move(server);
    server_->start([this](const api::Request& request, const api::Responder& respond) {
      if (request.peer.text != client_key_)
        respond({401, {}, R"({"code":"unauthenticated","message":"who are you?"})"});
      else
        respond(controller_.answer(request));
    });
    ASSERT_EQ(run({"client", "init", "--home", home()}), ExitCode::Done);
    const Result<keys::PublicKey> key = keys::PublicKey::from_pem(out_);
    ASSERT_TRUE(key) << out_;
    client_key_ = key->id().text;
    write("client.crt", issue(*key, keys::CertificateUse::Client));
    write("authority.crt", authority_pem);
    ASSERT_EQ(run({"client", "connect", "--home", home(), "--controller", "https://127.0.0.1:" + std::to_string(server_->port()), "--certificate",
                   path("client.crt"), "--authority", path("authority.crt")}),
              ExitCode::Done)
        << err_;
  }
  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }
  [[nodiscard]] std::string home() const { return path("home"); }
  void write(const std::string& name, const std::string& bytes) { ASSERT_TRUE(files_.replace(path(name), bytes, images::files::Access::Everyone)); }
  ExitCode run(const std::vector<std::string>& words) {
    std::istringstream in;
    std::ostringstream out, err;
    const ExitCode code = policies::command_line::run_program(leaseback_program(ports_), words, {in, out, err});
    out_ = out.str();
    err_ = err.str();
    return code;
  }
  boost::json::value json(std::vector<std::string> words, ExitCode expected = ExitCode::Done) {
    words.insert(words.end(), {"--home", home(), "--json"});
    EXPECT_EQ(run(words), expected) << err_;
    boost::json::error_code failure;
    boost::json::value value = boost::json::parse(out_, failure);
    EXPECT_FALSE(failure) << out_;
    return value;
  }

  SystemClock clock_;
  images::files::PosixFiles files_;
  std::string folder_;
  Controller controller_;
  std::unique_ptr<api::HttpsServer> server_;
  std::string client_key_;
  std::string out_, err_;
  Ports ports_{files_,
               clock_,
               "~/.config/leaseback",
               [](Duration) {},
               [](const std::string&) -> Result<std::unique_ptr<Clock>> { return Error{ErrorCode::NotFound, "no clock file here", {}}; },
               [](agent::link::HttpsClientSettings settings, const Clock& clock) { return agent::link::make_https_client(std::move(settings), clock); }};
};

TEST_F(Leaseback, HelpIsTheFrozenText) { tests::golden::expect_same("client/help.txt", policies::command_line::all_help_text(leaseback_program(ports_))); }

TEST_F(Leaseback, StoresFindsReturnsAndRemovesAnObject) {
  start_controller();
  std::string content;
  for (int i = 0; i < 100'000; ++i) content += std::to_string(i * 31);
  write("letter.txt", content);
  const boost::json::value put = json({"object", "put", path("letter.txt"), "--wait", "--content-type", "text/plain"});
  const std::string id(put.at("object").as_string());
  EXPECT_EQ(put.at("name").as_string(), "letter.txt");
  EXPECT_EQ(put.at("size").to_number<std::size_t>(), content.size());
  EXPECT_EQ(put.at("state").as_string(), "stored");
  EXPECT_EQ(json({"object", "list"}).at("objects").as_array().size(), 1U);
  EXPECT_EQ(json({"object", "show", "letter.txt"}).at("object").as_string(), id);
  json({"object", "get", "letter.txt", "--out", path("back.txt")});
  EXPECT_TRUE(*files_.read(path("back.txt"), mebibytes(64)) == content);
  EXPECT_EQ(run({"object", "remove", "letter.txt", "--home", home()}), ExitCode::Refused);
  json({"object", "remove", id, "--dry-run"});
  EXPECT_EQ(controller_.objects.size(), 1U);
  json({"object", "remove", id});
  EXPECT_TRUE(controller_.objects.empty());
  EXPECT_EQ(run({"object", "get", "letter.txt", "--out", path("back.txt"), "--home", home()}), ExitCode::Failed);
  EXPECT_NE(err_.find("there is no object 'letter.txt'"), std::string::npos) << err_;
}

TEST_F(Leaseback, SaysPartlyDoneWhenMachinesAreSlowToTakeAnObject) {
  start_controller();
  write("a", "content");
  controller_.state_of_new_objects = "spooled";
  EXPECT_EQ(json({"object", "put", path("a"), "--wait", "--wait-max", "2s"}, ExitCode::PartlyDone).at("state").as_string(), "spooled");
  EXPECT_EQ(json({"object", "put", path("a"), "--name", "b"}).at("state").as_string(), "spooled");
}

TEST_F(Leaseback, RunsAJobFromFileToResults) {
  start_controller();
  // A program that needs shared libraries; the client must say so before it sends anything.
  write("job.yaml", "name: tiny\nexecutable: program\ntasks: {matrix: [{name: n, from: 0, to: 6}]}\n");
  std::filesystem::copy_file("/bin/true", path("program"));
  EXPECT_EQ(run({"job", "submit", path("job.yaml"), "--home", home()}), ExitCode::Failed);
  EXPECT_NE(err_.find("-static"), std::string::npos) << err_;
  EXPECT_TRUE(controller_.elements.empty());

  std::string program = *files_.read(path("program"), mebibytes(64));
  program[16] = 2;                            // ET_EXEC
  program[56] = program[57] = 0;              // without program headers nothing asks for libraries
  write("program", program);
  const boost::json::value job = json({"job", "submit", path("job.yaml")});
  const std::string id(job.at("job").as_string());
  EXPECT_EQ(job.at("tasks").at("waiting").to_number<int>(), 7);
  EXPECT_EQ(json({"job", "wait", id, "--wait-max", "1s"}, ExitCode::PartlyDone).at("state").as_string(), "running");
  json({"job", "results", id, "--into", path("results")}, ExitCode::PartlyDone);
  for (std::uint64_t number = 0; number < 7; ++number) controller_.finish_task(id, number, "tile " + std::to_string(number));
  EXPECT_EQ(json({"job", "wait", id}).at("state").as_string(), "done");
  const boost::json::value results = json({"job", "results", id, "--into", path("results")});
  EXPECT_EQ(results.at("fetched").to_number<int>(), 7);
  EXPECT_EQ(*files_.read(path("results/000004.result"), kibibytes(1)), "tile 4");
  const boost::json::value shown = json({"job", "show", id, "--tasks"});
  ASSERT_EQ(shown.at("task_list").as_array().size(), 7U);
  EXPECT_EQ(shown.at("task_list").at(4).at("result_digest").as_string(), keys::sha256("tile 4").text);
  EXPECT_EQ(json({"job", "list"}).at("jobs").as_array().size(), 1U);
  EXPECT_EQ(json({"job", "show", id, "--watch"}).at("spent").at("minor").to_number<int>(), 7);
  EXPECT_EQ(json({"job", "remove", id}).at("state").as_string(), "removed");
}

TEST_F(Leaseback, ShowsAccountAndStatement) {
  start_controller();
  EXPECT_EQ(json({"client", "show"}).at("key").as_string(), client_key_);
  EXPECT_EQ(json({"statement", "show"}).at("total").at("minor").to_number<int>(), 480);
  EXPECT_EQ(run({"statement", "show", "--home", home()}), ExitCode::Done);
  EXPECT_NE(out_.find("4.80 USD"), std::string::npos) << out_;
  EXPECT_NE(out_.find("cluster of 1.2 GHz"), std::string::npos) << out_;
}

TEST_F(Leaseback, RefusesACertificateForAnotherKey) {
  start_controller();
  ASSERT_EQ(run({"client", "init", "--home", path("other")}), ExitCode::Done);
  EXPECT_EQ(run({"client", "connect", "--home", path("other"), "--controller", "https://127.0.0.1:1", "--certificate", path("client.crt"), "--authority", path("authority.crt")}),
            ExitCode::Refused);
  EXPECT_EQ(run({"client", "connect", "--home", home(), "--controller", "http://plain", "--certificate", path("client.crt"), "--authority", path("authority.crt")}), ExitCode::Failed);
}

TEST_F(Leaseback, SaysWhenTheControllerIsAway) {
  start_controller();
  server_->stop();
  server_.reset();
  EXPECT_EQ(run({"object", "list", "--home", home()}), ExitCode::Failed);
  EXPECT_NE(err_.find("https://127.0.0.1:"), std::string::npos) << err_;
}

TEST_F(Leaseback, KeepsSecretsOutOfWhatItPrints) {
  start_controller();
  const std::string identity = *files_.read(home() + "/identity.key", kibibytes(64));
  const std::string secret_line = identity.substr(identity.find('\n') + 1, 40);
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{{"client", "show"}, {"object", "list"}, {"client", "init"}}) {
    std::vector<std::string> line = words;
    line.insert(line.end(), {"--home", home()});
    EXPECT_EQ(run(line), ExitCode::Done);
    EXPECT_EQ((out_ + err_).find(secret_line), std::string::npos);
  }
}

}  // namespace
}  // namespace fleet::client

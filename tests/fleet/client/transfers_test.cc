// Goal: what a client puts is there once and comes back, wherever the link or the client's own computer is cut. Method: every
// exchange and every write to disk is cut in turn, and the same call is made again.
#include "fleet/client/transfers.h"

#include "tests/fakes/memory_files.h"
#include "tests/fleet/client/scripted_controller.h"

namespace fleet::client {
namespace {

using tests::fakes::MemoryFiles;
using Cut = tests::fleet_client::ScriptedController::Cut;
using Controller = tests::fleet_client::ScriptedController;

const Progress quiet = [](const std::string&) {};
const Instant today = *instant_from("2026-11-21T08:00:00Z");
const std::string content = [] {
  std::string text;
  for (int i = 0; i < 5'000; ++i) text += "line " + std::to_string(i * i) + "\n";
  return text;
}();

PutRequest named(const std::string& name) { return {name, "text/plain", {2, 3}, today}; }

Home home_in(MemoryFiles& files) {
  Result<Home> home = Home::make(files, "/home");
  EXPECT_TRUE(home) << home.error().text();
  return *std::move(home);
}

Result<std::string> read_back(const Home& home, Client& client, const std::string& name) {
  const Result<OwnObject> object = find_object(home, client, name);
  if (!object) return object.error();
  return get_object(home, client, *object, 3, Duration(0), [](Duration) {}, quiet);
}

void expect_stored_once(const Home& home, Controller& controller) {
  Client client(controller);
  ASSERT_EQ(controller.objects.size(), 1U);
  const Result<std::string> back = read_back(home, client, "a");
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_TRUE(*back == content);
  EXPECT_EQ(home.files().list(home.pending_folder())->size(), 0U) << "something was left behind";
}

TEST(Transfers, PutAndGetGiveTheSameBytes) {
  MemoryFiles files;
  const Home home = home_in(files);
  Controller controller;
  Client client(controller);
  const Result<ObjectRecord> record = put_object(home, client, content, named("a"), quiet);
  ASSERT_TRUE(record) << record.error().text();
  EXPECT_EQ(record->shards.size(), 3U);
  expect_stored_once(home, controller);
}

TEST(Transfers, APutThatTheLinkCutsIsFinishedByAnother) {
  for (const Cut cut : {Cut::Before, Cut::After})
    for (std::uint64_t nth = 1; nth <= 4; ++nth) {
      SCOPED_TRACE((cut == Cut::Before ? "before exchange " : "after exchange ") + std::to_string(nth));
      MemoryFiles files;
      const Home home = home_in(files);
      Controller controller;
      Client client(controller);
      controller.cut_at(nth, cut);
      const Result<ObjectRecord> first = put_object(home, client, content, named("a"), quiet);
      ASSERT_FALSE(first);
      EXPECT_EQ(first.error().code, ErrorCode::Unavailable);
      const Result<ObjectRecord> second = put_object(home, client, content, named("a"), quiet);
      ASSERT_TRUE(second) << second.error().text();
      expect_stored_once(home, controller);
      EXPECT_EQ(controller.elements.size(), 3U) << "shards were sealed twice";
    }
}

TEST(Transfers, APutThatAPowerCutEndsIsFinishedByAnother) {
  std::uint64_t writes = 0;
  {
    MemoryFiles files;
    const Home home = home_in(files);
    const std::uint64_t before = files.mutating_calls();
    Controller controller;
    Client client(controller);
    ASSERT_TRUE(put_object(home, client, content, named("a"), quiet));
    writes = files.mutating_calls() - before;
  }
  ASSERT_GT(writes, 8U);
  for (std::uint64_t nth = 1; nth <= writes; ++nth) {
    SCOPED_TRACE("write " + std::to_string(nth));
    MemoryFiles files(nth);
    const Home home = home_in(files);
    Controller controller;
    Client client(controller);
    files.cut_at(nth);
    EXPECT_FALSE(put_object(home, client, content, named("a"), quiet));
    files.power_on();
    const Result<ObjectRecord> second = put_object(home, client, content, named("a"), quiet);
    ASSERT_TRUE(second) << second.error().text();
    expect_stored_once(home, controller);
  }
}

TEST(Transfers, APutStartsAnewWhenItsPendingShardsWereDamaged) {
  MemoryFiles files;
  const Home home = home_in(files);
  Controller controller;
  Client client(controller);
  controller.cut_at(1, Cut::Before);
  ASSERT_FALSE(put_object(home, client, content, named("a"), quiet));
  const Result<std::vector<std::string>> left = files.list(home.pending_folder());
  ASSERT_TRUE(left);
  for (const std::string& name : *left)
    if (name.ends_with(".1")) files.flip_bit(home.pending_folder() + "/" + name, 7);
  ASSERT_TRUE(put_object(home, client, content, named("a"), quiet));
  expect_stored_once(home, controller);
}

TEST(Transfers, APutSendsAgainWhatTheControllerHasForgotten) {
  MemoryFiles files;
  const Home home = home_in(files);
  Controller controller;
  Client client(controller);
  controller.cut_at(4, Cut::Before);  // all shards are sent, the object is not registered
  ASSERT_FALSE(put_object(home, client, content, named("a"), quiet));
  controller.elements.clear();
  ASSERT_TRUE(put_object(home, client, content, named("a"), quiet));
  expect_stored_once(home, controller);
}

TEST(Transfers, GetNeedsOnlyAsManyShardsAsSuffice) {
  MemoryFiles files;
  const Home home = home_in(files);
  Controller controller;
  Client client(controller);
  const Result<ObjectRecord> record = put_object(home, client, content, named("a"), quiet);
  ASSERT_TRUE(record);
  controller.objects[record->object.text].lost = {record->shards[0].digest.text};
  EXPECT_TRUE(*read_back(home, client, "a") == content);
  controller.objects[record->object.text].lost.push_back(record->shards[2].digest.text);
  const Result<std::string> too_few = read_back(home, client, "a");
  ASSERT_FALSE(too_few);
  EXPECT_EQ(too_few.error().code, ErrorCode::Unavailable);
}

TEST(Transfers, GetTakesAnotherShardForOneThatCameDamaged) {
  MemoryFiles files;
  const Home home = home_in(files);
  Controller controller;
  Client client(controller);
  const Result<ObjectRecord> record = put_object(home, client, content, named("a"), quiet);
  ASSERT_TRUE(record);
  controller.elements[record->shards[0].digest.text][100] ^= 1;
  EXPECT_TRUE(*read_back(home, client, "a") == content);
}

TEST(Transfers, GetWaitsForMachinesThatAreAsleep) {
  MemoryFiles files;
  const Home home = home_in(files);
  Controller controller;
  Client client(controller);
  ASSERT_TRUE(put_object(home, client, content, named("a"), quiet));
  controller.retrievals_before_ready = 4;
  const Result<OwnObject> object = find_object(home, client, "a");
  ASSERT_TRUE(object);
  int pauses = 0;
  const Result<std::string> back = get_object(home, client, *object, 10, Duration(500), [&](Duration) { ++pauses; }, quiet);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(pauses, 4);
}

TEST(Transfers, FindTheNewestOfAName) {
  MemoryFiles files;
  const Home home = home_in(files);
  Controller controller;
  Client client(controller);
  PutRequest later = named("a");
  later.now = today + Duration(1'000);
  ASSERT_TRUE(put_object(home, client, "newer", later, quiet));
  const Result<ObjectRecord> older = put_object(home, client, "older", named("a"), quiet);
  ASSERT_TRUE(older);
  EXPECT_EQ(*read_back(home, client, "a"), "newer");
  EXPECT_EQ(*read_back(home, client, older->object.text), "older");
  const Result<std::string> none = read_back(home, client, "b");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().message, "there is no object 'b'; there is: a, a");
}

TEST(Transfers, LeaveObjectsOfAnotherSecretAlone) {
  MemoryFiles files;
  MemoryFiles other_files;
  const Home home = home_in(files);
  const Home other = home_in(other_files);
  Controller controller;
  Client client(controller);
  ASSERT_TRUE(put_object(other, client, content, named("a"), quiet));
  const Result<OwnObjects> own = own_objects(home, client);
  ASSERT_TRUE(own);
  EXPECT_TRUE(own->objects.empty());
  EXPECT_EQ(own->foreign, 1U);
}

TEST(Transfers, ShowTheControllerNoPlaintextAndNoName) {
  MemoryFiles files;
  const Home home = home_in(files);
  Controller controller;
  Client client(controller);
  ASSERT_TRUE(put_object(home, client, content, named("a-very-telling-name"), quiet));
  std::string seen;
  for (const auto& [digest, bytes] : controller.elements) seen += bytes;
  for (const auto& [id, object] : controller.objects) seen += id + object.body;
  EXPECT_EQ(seen.find("a-very-telling-name"), std::string::npos);
  EXPECT_EQ(seen.find("line 1600\nline"), std::string::npos);
  EXPECT_EQ(seen.find(images::keys::sha256(content).text), std::string::npos);
}

TEST(Home, IsFinishedByAnotherInitAndKeepsItsKeys) {
  for (std::uint64_t nth = 1; nth <= 4; ++nth) {
    MemoryFiles files(nth);
    files.cut_at(nth);
    EXPECT_FALSE(Home::make(files, "/home"));
    files.power_on();
    const Result<Home> home = Home::make(files, "/home");
    ASSERT_TRUE(home) << home.error().text();
    const Result<Home> again = Home::make(files, "/home");
    ASSERT_TRUE(again);
    EXPECT_EQ(again->identity().id(), home->identity().id());
    EXPECT_EQ(again->sealing_secret(), home->sealing_secret());
    EXPECT_EQ(files.access_of("/home/identity.key"), images::files::Access::OwnerOnly);
    EXPECT_EQ(files.access_of("/home/sealing.key"), images::files::Access::OwnerOnly);
  }
}

TEST(Home, SaysTheWayOutWhenSomethingIsMissing) {
  MemoryFiles files;
  const Result<Home> none = Home::open(files, "/home");
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("leaseback client init"), std::string::npos);
  const Home home = home_in(files);
  const auto unconnected = home.connection();
  ASSERT_FALSE(unconnected);
  EXPECT_NE(unconnected.error().message.find("leaseback client connect"), std::string::npos);
}

}  // namespace
}  // namespace fleet::client

// Objects on their way: put and get, each of which may be cut at any moment and is finished by calling it again.
//
// A put seals once. What it sealed waits in the home's pending/ folder, named by what is put (name, content, code), until the
// controller has it: a second call sends the same shards of the same object, never a second object.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "fleet/client/client.h"
#include "fleet/client/home.h"
#include "fleet/objects/objects.h"

namespace fleet::client {
using namespace policies::vocabulary;

// Told after each step of long work: "sent 2 of 3 shards".
using Progress = std::function<void(const std::string& step)>;
// Waits real time. Given by main, so that tests need none.
using Pause = std::function<void(Duration)>;

struct PutRequest {
  std::string name;
  std::string content_type = "application/octet-stream";
  objects::Code code;
  Instant now;
};

Result<ObjectRecord> put_object(const Home& home, Client& client, std::string_view content, const PutRequest& request, const Progress& progress);

// Asks until the object is `stored`, `asks` times at most, `between` apart. Unavailable when it is not by then.
Result<ObjectRecord> wait_until_stored(Client& client, const ObjectId& id, std::size_t asks, Duration between, const Pause& pause);

// An object with what only its client can read of it.
struct OwnObject {
  ObjectRecord record;
  objects::Facts facts;
};

// All objects that this client's secret opens, oldest first; `foreign` counts the others (sealed with another secret).
struct OwnObjects {
  std::vector<OwnObject> objects;
  std::size_t foreign = 0;
};
Result<OwnObjects> own_objects(const Home& home, Client& client);

// The object with this id, else the newest with this name. NotFound names what there is.
Result<OwnObject> find_object(const Home& home, Client& client, std::string_view name_or_id);

// Fetches shards as machines give them, until enough are there and open to the content. Unavailable when after `asks` too few
// are; calling again later may help.
Result<std::string> get_object(const Home& home, Client& client, const OwnObject& object, std::size_t asks, Duration between, const Pause& pause,
                               const Progress& progress);

}  // namespace fleet::client

#include <boost/json.hpp>
#include <ostream>

#include "fleet/client/commands.h"
#include "fleet/client/facts.h"

namespace fleet::client {
namespace {

using policies::command_line::ExitCode;
using policies::command_line::OptionList;
using policies::command_line::Streams;

struct RemoveOptions {
  HomeOptions where;
  std::string object;
  bool dry_run = false;
  bool json = false;
};

}  // namespace

policies::command_line::Command object_remove(const Ports& ports) {
  return policies::command_line::command<RemoveOptions>(
      {"object", "remove", "delete an object everywhere",
       "Deletes every shard of the object on every machine; machines that are off delete theirs when they call. It cannot be brought back. To be sure, the object is "
       "named by its id, not by its name.",
       {"leaseback object remove 5f0c1d2e3a4b5c6d7e8f901234567890"},
       {}},
      [&ports](RemoveOptions& options, OptionList& list) {
        list.word("ID", options.object, "which object: its id, as `object list` prints it");
        list.flag("dry-run", options.dry_run, "only print what would be removed");
        declare_home(ports, options.where, list);
        list.json(options.json);
      },
      [&ports](const RemoveOptions& options, Streams& streams) -> Result<ExitCode> {
        Result<Conversation> opened = converse(ports, options.where);
        if (!opened) return opened.error();
        const Result<OwnObject> object = find_object(*opened->home, *opened->client, options.object);
        if (!object) return object.error();
        if (object->record.object.text != options.object)
          return Error{ErrorCode::Refused, "'" + options.object + "' is a name; to remove it, give its id: " + object->record.object.text, {}};
        if (!options.dry_run)
          if (const Done removed = opened->client->remove_object(object->record.object); !removed) return removed.error();
        if (options.json)
          streams.out << boost::json::serialize(boost::json::object{{"object", options.object}, {"name", object->facts.name}, {"removed", !options.dry_run}}) << "\n";
        else
          streams.out << (options.dry_run ? "would remove " : "removed ") << object->facts.name << " (" << options.object << ", " << object->facts.size.text() << ")\n";
        return ExitCode::Done;
      });
}

}  // namespace fleet::client

#include "fleet/client/commands.h"
#include "fleet/client/facts.h"

namespace fleet::client {
namespace {

using policies::command_line::ExitCode;
using policies::command_line::OptionList;
using policies::command_line::Streams;

struct ShowOptions {
  HomeOptions where;
  std::string object;
  bool json = false;
};

}  // namespace

policies::command_line::Command object_show(const Ports& ports) {
  return policies::command_line::command<ShowOptions>(
      {"object", "show", "print one object and where its shards are", "Prints what this client knows of an object, and the state of each shard. Machines have pseudonyms.", {"leaseback object show letter.pdf"}, {}},
      [&ports](ShowOptions& options, OptionList& list) {
        list.word("NAME|ID", options.object, "which object; of several with one name, the newest");
        declare_home(ports, options.where, list);
        list.json(options.json);
      },
      [&ports](const ShowOptions& options, Streams& streams) -> Result<ExitCode> {
        Result<Conversation> opened = converse(ports, options.where);
        if (!opened) return opened.error();
        const Result<OwnObject> object = find_object(*opened->home, *opened->client, options.object);
        if (!object) return object.error();
        print(*object, form_of(options.json), streams);
        return ExitCode::Done;
      });
}

}  // namespace fleet::client

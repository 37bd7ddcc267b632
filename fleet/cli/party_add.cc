#include <boost/json.hpp>

#include "fleet/cli/staff_desk.h"

namespace fleet::cli {
namespace {

struct Options {
  DeskOptions desk;
  std::string party;
  std::string name;
  std::vector<std::string> roles;
  std::string key;
  std::string out;
  std::optional<Money> spending_limit;
};

void declare(Options& options, command_line::OptionList& list) {
  list.word("PARTY", options.party, "a short id, e.g. acme");
  list.optional("name", "TEXT", options.name, "for people; the id when left out");
  list.repeated("role", "ROLE", options.roles, "client, owner or staff; client when left out");
  list.required("key", "FILE", options.key, "their public key (PEM), e.g. of leaseback client init");
  list.required("out", "DIR", options.out, "where to write certificate.pem and authority.pem for them");
  list.optional("spending-limit", "MONEY", options.spending_limit, "per month, e.g. '50 USD'");
  declare_desk(options.desk, list);
}

}  // namespace

command_line::Command party_add(const Ports& ports) {
  return command_line::command<Options>(
      {"party", "add", "register a client or a staff member", "The answer is a certificate for their key, written with the controller's authority into DIR. Again for the same party and key: a new certificate.",
       {"leaseback-fleet party add acme --name 'Acme Rendering' --key acme/client.pub --out acme --spending-limit '50 USD'"}, {}},
      declare, [ports](const Options& options, command_line::Streams& streams) -> Result<command_line::ExitCode> {
        Result<std::string> pem = ports.files.read(options.key, kibibytes(64));
        if (!pem) return pem.error().within("reading " + options.key);
        Result<StaffDesk> desk = StaffDesk::open(ports, options.desk);
        if (!desk) return desk.error();
        json::array roles;
        for (const std::string& role : options.roles) roles.emplace_back(role);
        if (roles.empty()) roles.emplace_back("client");
        json::object body = {{"party", options.party}, {"name", options.name.empty() ? options.party : options.name}, {"roles", roles}, {"public_key_pem", *pem}};
        if (options.spending_limit)
          body["spending_limit"] = json::object{{"minor", options.spending_limit->minor_units()}, {"currency", options.spending_limit->currency().code}};
        Result<json::object> answer = desk->post("/v1/parties", body);
        if (!answer) return answer.error();
        using images::files::Access;
        if (Done made = ports.files.make_directory(options.out, Access::OwnerOnly); !made) return made.error();
        for (const char* name : {"certificate", "authority"}) {
          const std::string path = options.out + "/" + name + ".pem";
          if (Done written = ports.files.replace(path, text_in(*answer, std::string(name) + "_pem"), Access::Everyone); !written) return written.error();
        }
        if (options.desk.json) print_json(streams.out, *answer);
        else streams.out << "Party " << text_in(*answer, "party") << " is registered; its certificate is in " << options.out << "/certificate.pem\n";
        return command_line::ExitCode::Done;
      });
}

}  // namespace fleet::cli

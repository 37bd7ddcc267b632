#include <boost/json.hpp>
#include <ostream>

#include "fleet/client/commands.h"
#include "fleet/client/facts.h"
#include "policies/command_line/table.h"

namespace fleet::client {
namespace {

using policies::command_line::Align;
using policies::command_line::ExitCode;
using policies::command_line::OptionList;
using policies::command_line::Streams;

struct ShowOptions {
  HomeOptions where;
  bool json = false;
};

}  // namespace

policies::command_line::Command client_show(const Ports& ports) {
  return policies::command_line::command<ShowOptions>(
      {"client", "show", "print who this client is and what it has spent",
       "Prints the client's key and its account as the controller has it.",
       {"leaseback client show"},
       {}},
      [&ports](ShowOptions& options, OptionList& list) {
        declare_home(ports, options.where, list);
        list.json(options.json);
      },
      [&ports](const ShowOptions& options, Streams& streams) -> Result<ExitCode> {
        Result<Conversation> opened = converse(ports, options.where);
        if (!opened) return opened.error();
        const Result<Account> account = opened->client->account();
        if (!account) return account.error();
        const std::string key = opened->home->identity().id().text;
        if (options.json) {
          boost::json::object facts{{"home", opened->home->folder()},     {"key", key},
                                    {"party", account->party.text},       {"name", account->name},
                                    {"balance", json_of(account->balance)}, {"spent_month", json_of(account->spent_month)}};
          if (account->spending_limit) facts["spending_limit"] = json_of(*account->spending_limit);
          streams.out << boost::json::serialize(facts) << "\n";
          return ExitCode::Done;
        }
        policies::command_line::Table table({{"", Align::Left}, {"", Align::Left}});
        table.row({"party", account->party.text});
        table.row({"name", account->name});
        table.row({"home", opened->home->folder()});
        table.row({"key", key});
        table.row({"balance", account->balance.text()});
        table.row({"spent this month", account->spent_month.text() + (account->spending_limit ? " of " + account->spending_limit->text() : "")});
        streams.out << table.text(streams.width);
        return ExitCode::Done;
      });
}

}  // namespace fleet::client

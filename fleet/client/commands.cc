#include "fleet/client/commands.h"

#include <ostream>

namespace fleet::client {

namespace {

constexpr Duration exchange_timeout{120'000};  // a shard of 32 MiB over a slow uplink

}  // namespace

void declare_home(const Ports& ports, HomeOptions& options, policies::command_line::OptionList& list) {
  options.home = ports.default_home;
  list.optional("home", "DIR", options.home, "folder of this client: its keys and settings");
  list.optional("clock", "FILE", options.clock, "take the time from this file, for rehearsals");
}

Result<Conversation> open_home(const Ports& ports, const HomeOptions& options) {
  Conversation opened;
  opened.clock = &ports.clock;
  if (!options.clock.empty()) {
    Result<std::unique_ptr<Clock>> stepped = ports.open_clock(options.clock);
    if (!stepped) return stepped.error().within("reading " + options.clock);
    opened.stepped = *std::move(stepped);
    opened.clock = opened.stepped.get();
  }
  Result<Home> home = Home::open(ports.files, options.home);
  if (!home) return home.error();
  opened.home = std::make_unique<Home>(*std::move(home));
  return opened;
}

Result<Conversation> converse(const Ports& ports, const HomeOptions& options) {
  Result<Conversation> opened = open_home(ports, options);
  if (!opened) return opened;
  Result<agent::link::HttpsClientSettings> settings = opened->home->connection();
  if (!settings) return settings.error();
  settings->timeout = exchange_timeout;
  Result<std::unique_ptr<agent::link::HttpExchange>> exchange = ports.connect(*std::move(settings), *opened->clock);
  if (!exchange) return exchange.error();
  opened->exchange = *std::move(exchange);
  opened->client = std::make_unique<Client>(*opened->exchange);
  return opened;
}

Progress progress_on(std::ostream& err) {
  return [&err](const std::string& step) { err << "leaseback: " << step << std::endl; };
}

policies::command_line::Program leaseback_program(const Ports& ports) {
  return {"leaseback",
          "stores objects and runs jobs on leased machines, for the client who pays for them",
          {client_init(ports), client_connect(ports), client_show(ports), object_put(ports), object_get(ports), object_list(ports), object_show(ports),
           object_remove(ports), job_submit(ports), job_list(ports), job_show(ports), job_wait(ports), job_results(ports), job_stop(ports),
           job_resume(ports), job_remove(ports), statement_show(ports)}};
}

}  // namespace fleet::client

// The commands of `leaseback`, one file each. main.cc builds the real ports and lists the commands.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/link/http.h"
#include "fleet/client/client.h"
#include "fleet/client/home.h"
#include "fleet/client/transfers.h"
#include "images/files/files.h"
#include "policies/command_line/command.h"
#include "policies/vocabulary/instant.h"

namespace fleet::client {
using namespace policies::vocabulary;

// What commands need of the world; all must outlive them.
struct Ports {
  images::files::Files& files;
  const Clock& clock;          // the real one
  std::string default_home;
  Pause pause;
  std::function<Result<std::unique_ptr<Clock>>(const std::string& path)> open_clock;  // for --clock
  std::function<Result<std::unique_ptr<agent::link::HttpExchange>>(agent::link::HttpsClientSettings, const Clock&)> connect;
};

// Options of every command.
struct HomeOptions {
  std::string home;
  std::string clock;  // a clock file for rehearsals; empty: the real time
};
void declare_home(const Ports& ports, HomeOptions& options, policies::command_line::OptionList& list);

// An open home and the controller behind it.
struct Conversation {
  std::unique_ptr<Clock> stepped;  // when --clock was given
  const Clock* clock = nullptr;
  std::unique_ptr<Home> home;
  std::unique_ptr<agent::link::HttpExchange> exchange;
  std::unique_ptr<Client> client;
};
Result<Conversation> converse(const Ports& ports, const HomeOptions& options);
// The same without the controller: `exchange` and `client` stay empty.
Result<Conversation> open_home(const Ports& ports, const HomeOptions& options);

// Tells each step on the standard error.
Progress progress_on(std::ostream& err);

policies::command_line::Command client_init(const Ports& ports);
policies::command_line::Command client_connect(const Ports& ports);
policies::command_line::Command client_show(const Ports& ports);
policies::command_line::Command object_put(const Ports& ports);
policies::command_line::Command object_get(const Ports& ports);
policies::command_line::Command object_list(const Ports& ports);
policies::command_line::Command object_show(const Ports& ports);
policies::command_line::Command object_remove(const Ports& ports);
policies::command_line::Command job_submit(const Ports& ports);
policies::command_line::Command job_list(const Ports& ports);
policies::command_line::Command job_show(const Ports& ports);
policies::command_line::Command job_wait(const Ports& ports);
policies::command_line::Command job_results(const Ports& ports);
policies::command_line::Command job_stop(const Ports& ports);
policies::command_line::Command job_resume(const Ports& ports);
policies::command_line::Command job_remove(const Ports& ports);
policies::command_line::Command statement_show(const Ports& ports);

// All of them, in the order of the help.
policies::command_line::Program leaseback_program(const Ports& ports);

}  // namespace fleet::client

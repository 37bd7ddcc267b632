// How objects and jobs are told: as JSON for programs, as tables for people.
#pragma once

#include <boost/json/fwd.hpp>
#include <iosfwd>
#include <string>
#include <vector>

#include "fleet/client/client.h"
#include "fleet/client/transfers.h"
#include "policies/command_line/command.h"

namespace fleet::client {

enum class Form { Text, Json };
inline Form form_of(bool json) { return json ? Form::Json : Form::Text; }

boost::json::object json_of(const Money& money);
boost::json::object json_of(const OwnObject& object);
boost::json::object json_of(const JobRecord& job);
boost::json::object json_of(const TaskRecord& task);

// "2 of 3 on machines": how many shards are held.
std::string held_of(const ObjectRecord& object);
// One line: "running: 12 of 240 done, 8 running, 220 waiting; spent 0.42 USD".
std::string line_of(const JobRecord& job);

void print(const OwnObject& object, Form form, policies::command_line::Streams& streams);
void print(const JobRecord& job, Form form, policies::command_line::Streams& streams);
void print(const std::vector<OwnObject>& objects, Form form, policies::command_line::Streams& streams);
// The job with each of its tasks: `task_list` in JSON.
void print(const JobRecord& job, const std::vector<TaskRecord>& tasks, Form form, policies::command_line::Streams& streams);
void print(const std::vector<JobRecord>& jobs, Form form, policies::command_line::Streams& streams);

}  // namespace fleet::client

// What the controller's answers say, read out of their JSON. Fields that are not known are skipped: a newer controller may say
// more. What is missing or of the wrong type is InvalidInput, naming the field.
#pragma once

#include <string_view>

#include "fleet/client/client.h"

namespace fleet::client {

Result<Account> account_from(std::string_view text);
Result<ObjectRecord> object_from(std::string_view text);
Result<std::vector<ObjectRecord>> objects_from(std::string_view text);
Result<Retrieval> retrieval_from(std::string_view text);
Result<JobRecord> job_from(std::string_view text);
Result<std::vector<JobRecord>> jobs_from(std::string_view text);
Result<TaskPage> tasks_from(std::string_view text);
// `{"code", "message"}` of an answer with `status`; made up from the status when the body says nothing usable.
Error error_from(int status, std::string_view text);

// The bodies of POST /v1/objects and POST /v1/jobs. InvalidInput when a task's parameters are no JSON object.
std::string body_of(const ObjectId& id, const objects::SealedObject& sealed);
Result<std::string> body_of(const JobRequest& request);

}  // namespace fleet::client

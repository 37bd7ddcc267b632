// A factory line's own folder: its key, and what it did.
//
//   station.json          whose line this is
//   line.key, line.pem    signs vouchers and receipts; the key is read by its owner only
//   runs/RUN/             journal and whatever one run needs until it is finished
//   escrow/ORDER.json     keys of the lease partition, for the controller's import; read by its owner only
//   vouchers/ORDER.json   what the controller enrols by; here only after the disk was read back
//   receipts/RUN.json     what was done
//
// Everything is written through images::files and durable when a call returns.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "images/files/files.h"
#include "images/keys/keys.h"
#include "policies/vocabulary/instant.h"
#include "provision/disk/disks.h"
#include "provision/run/journal.h"

namespace provision::run {

// What the controller must know to open a lease partition: the keys of its slots.
struct Escrow {
  OrderId order;
  std::string serial;
  std::string lease_uuid;              // of the LUKS header
  std::vector<std::string> purposes;   // by slot: "controller", "recovery"
  std::vector<std::string> slot_keys;  // secrets, by slot, disk::slot_key_size bytes each
  Escrow() = default;
  Escrow(const Escrow&) = default;
  Escrow(Escrow&&) noexcept = default;
  Escrow& operator=(const Escrow&) = default;
  Escrow& operator=(Escrow&&) noexcept = default;
  ~Escrow();  // zeroes the keys
};
std::string text_of(const Escrow& escrow);
Result<Escrow> escrow_from(std::string_view text);

struct RunSummary {
  std::string name;
  std::string state;  // "finished", "failed", "quarantined", "abandoned", "cut"
  std::string what;   // "apply", "retrofit", "release"
  std::string serial;
  std::string machine;  // empty without agent
  std::string disk;
  std::string reason;  // of a failure
  std::string cause;   // of a failure: the name of its ErrorCode; empty in journals of before causes were kept
  Instant began;
  Instant last;
};

class Station {
 public:
  // Makes the folder and the line's key. AlreadyExists when it is a station already. `files` must outlive the station.
  static Result<Station> make(images::files::Files& files, const std::string& folder, const std::string& line,
                              Instant now);
  // NotFound, naming `line init`, when the folder is no station.
  static Result<Station> open(images::files::Files& files, const std::string& folder);
  // A folder that only keeps the journals of runs, on a machine that has no line: made when it is not there.
  static Result<Station> open_bare(images::files::Files& files, const std::string& folder);

  [[nodiscard]] const std::string& line() const { return line_; }
  // Precondition: not opened bare.
  [[nodiscard]] Result<images::keys::PrivateKey> line_key() const;

  // The folder of one run, made when it is not there. InvalidInput when the name is not 1 to 100 of A-Z a-z 0-9 . _ -
  // or begins with a dot.
  Result<std::string> run_folder(const std::string& run);
  [[nodiscard]] Result<std::vector<RunSummary>> runs() const;

  [[nodiscard]] Result<std::optional<Escrow>> escrow(const OrderId& order) const;
  Done keep_escrow(const Escrow& escrow);
  [[nodiscard]] std::string escrow_path(const OrderId& order) const {
    return folder_ + "/escrow/" + order.text + ".json";
  }

  // Where the agent of an order was told to call, and whom to believe: kept so that verifying need not be told again.
  struct Controller {
    std::string url;
    std::string authority_pem;
    std::string controller_key_pem;
  };
  Done keep_controller(const std::string& run, const Controller& controller);
  [[nodiscard]] Result<std::optional<Controller>> controller(const std::string& run) const;

  // DSSE texts. Putting the same again is no error.
  Done keep_voucher(const OrderId& order, std::string_view voucher);
  Done keep_receipt(const std::string& run, std::string_view receipt);
  [[nodiscard]] Result<std::optional<std::string>> receipt(const std::string& run) const;
  [[nodiscard]] std::string voucher_path(const OrderId& order) const {
    return folder_ + "/vouchers/" + order.text + ".json";
  }
  [[nodiscard]] std::string receipt_path(const std::string& run) const {
    return folder_ + "/receipts/" + run + ".json";
  }

  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] images::files::Files& files() const { return *files_; }

 private:
  Station(images::files::Files& files, std::string folder) : files_(&files), folder_(std::move(folder)) {}
  images::files::Files* files_;
  std::string folder_;
  std::string line_;
};

}  // namespace provision::run

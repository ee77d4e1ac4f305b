// One life of the daemon's process: journal and shards over the memory image that outlives it. Destroying it
// is a SIGKILL: what is not in the image is gone, connections break off. Owned by the run; one thread.
#pragma once

#include <functional>
#include <memory>

#include "upstream_side.h"
#include "virtual_journal.h"

namespace evergate::simulation {

struct daemon_options {
  virtual_journal_options journal;
  upstream_options upstream;
};

class daemon {
 public:
  daemon(virtual_time& time, trace& log, network& net, outside& world, virtual_disk& disk,
         const daemon_options& options, const base::secret& token, std::uint64_t seed);

  /// Recovers and starts; an error is the journal's.
  [[nodiscard]] base::result<void> start();
  /// What a SIGTERM does. The object is of no more use afterwards.
  void stop();
  /// Its machine sleeps: nothing of it happens before `until`.
  void suspend(base::instant until) { timeline_.freeze(until); }

  [[nodiscard]] upstream_side& upstream() noexcept { return upstream_; }
  [[nodiscard]] virtual_journal& journal() noexcept { return journal_; }

 private:
  timeline timeline_;
  virtual_journal journal_;
  upstream_side upstream_;
};

}  // namespace evergate::simulation

//! Addresses of this machine's loopback, one a server, as pods have: every server of an engine then listens on its usual port.

use std::net::TcpListener;

/// How many sets of servers of one engine can run on this machine at once.
const BLOCKS: u8 = 100;

/// No set has so many servers.
const MOST: usize = 12;

/// Addresses that belong to one set of servers, here and in every other process of this machine, for as long as this value lives.
#[derive(Debug)]
pub(crate) struct Loopback {
    block: u8,
    network: u8,
    /// Bound as long as the block is taken.
    _taken: TcpListener,
}

impl Loopback {
    /// Takes the first block of an engine's network in which all of those ports are free.
    pub(crate) fn take(network: u8, ports: &[u16]) -> Self {
        let block = (0..BLOCKS).find_map(|block| Self::try_block(block, network, ports));
        block.unwrap_or_else(|| {
            panic!("servers listen in all of 127.0-{BLOCKS}.{network}.0/24: end those left by other runs")
        })
    }

    fn try_block(block: u8, network: u8, ports: &[u16]) -> Option<Self> {
        let taken = TcpListener::bind((format!("127.{block}.{network}.250"), ports[0])).ok()?;
        let taken = Self { block, network, _taken: taken };
        let is_free =
            |number: usize| ports.iter().all(|port| TcpListener::bind((taken.address(number), *port)).is_ok());
        (0..MOST).all(is_free).then_some(taken)
    }

    /// The address of a server.
    pub(crate) fn address(&self, number: usize) -> String {
        format!("127.{}.{}.{}", self.block, self.network, number + 1)
    }
}

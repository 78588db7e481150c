"""`convert --fit` at the sizes of llama-quantize's mixtures: how far each file moves from the 16-bit model.

    python benchmarks/fit_against_mixtures.py BASE.gguf TEXTFILE [--imatrix F] [--types Q4_K_M Q3_K_M ...]

BASE is a 16-bit GGUF; the starter's comes from `autoglm-lite convert autoglm_lite/data/starter.gguf --type F16
--requantize`. The divergence is the mean of `autoglm-lite perplexity FILE TEXTFILE --against BASE`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

RUN = "import sys; from autoglm_lite.cli import main; sys.exit(main())"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", type=Path)
    parser.add_argument("text", type=Path)
    parser.add_argument("--imatrix", type=Path)
    parser.add_argument("--types", nargs="+", default=["Q5_K_M", "Q4_K_M", "Q4_K_S", "Q3_K_M", "Q2_K"])
    parser.add_argument("--ctx", default="512")
    args = parser.parse_args()
    known = ["--imatrix", str(args.imatrix)] if args.imatrix else []
    print(f"{args.base.name}, {args.text.name}, chunks of {args.ctx}{', importance matrix' if known else ''}")
    print(f"{'size of':<10}{'bytes':>14}{'KLD mixture':>14}{'KLD --fit':>12}{'ratio':>8}{'same top':>18}")
    with tempfile.TemporaryDirectory() as folder:
        for kind in args.types:
            fixed, fitted = Path(folder) / "fixed.gguf", Path(folder) / "fitted.gguf"
            autoglm("convert", args.base, "-o", fixed, "--type", kind, *known)
            autoglm("convert", args.base, "-o", fitted, "--fit", fixed.stat().st_size, *known)
            first, second = (
                json.loads(autoglm("perplexity", path, args.text, "--against", args.base, "--ctx", args.ctx, "--json"))
                for path in (fixed, fitted)
            )
            one, two = first["against"]["mean_kld"], second["against"]["mean_kld"]
            tops = f"{first['against']['same_top']:.1%} {second['against']['same_top']:.1%}"
            print(
                f"{kind:<10}{fixed.stat().st_size:>14,}{one:>14.5f}{two:>12.5f}{two / one:>8.2f}{tops:>18}", flush=True
            )


def autoglm(*arguments: object) -> str:
    """What a command of ours prints."""
    done = subprocess.run([sys.executable, "-c", RUN, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


if __name__ == "__main__":
    main()

from latchwork.cli import main

main()
